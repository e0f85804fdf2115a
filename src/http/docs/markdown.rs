//! The part of Markdown that the document uses: paragraphs, headings, lists, tables, code, bold.
//!
//! All text is escaped; HTML in it is shown, never passed on.

use super::html::{add, escape};

/// A heading as the name of an anchor.
pub fn slug(heading: &str) -> String {
    let plain =
        |one: char| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' };
    format!("about-{}", heading.chars().map(plain).collect::<String>())
}

/// The headings of a text.
pub fn headings(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("## "))
}

/// A text of several blocks as HTML.
pub fn render(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    let mut place = 0;
    while place < lines.len() {
        let (html, used) = block(&lines[place..]);
        out += &html;
        place += used;
    }
    out
}

/// A text within a block as HTML.
pub fn inline(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((code, next)) = after.split_once('`') else { break };
        add(&mut out, format_args!("{}<code>{}</code>", bold(before), escape(code)));
        rest = next;
    }
    out + &bold(rest)
}

fn bold(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("**") {
        let Some((strong, next)) = after.split_once("**") else { break };
        add(&mut out, format_args!("{}<strong>{}</strong>", escape(before), escape(strong)));
        rest = next;
    }
    out + &escape(rest)
}

/// The first block of some lines, and how many of them it takes: at least one.
fn block(lines: &[&str]) -> (String, usize) {
    let first = lines[0];
    if first.trim().is_empty() {
        (String::new(), 1)
    } else if first.starts_with("```") {
        fenced(lines)
    } else if let Some(title) = first.strip_prefix("## ") {
        (format!("<h3 id=\"{}\">{}</h3>\n", slug(title), inline(title)), 1)
    } else if first.starts_with('|') {
        table(lines)
    } else if first.starts_with("- ") {
        list(lines)
    } else {
        let used = lines.iter().position(|line| ends_paragraph(line)).unwrap_or(lines.len());
        (format!("<p>{}</p>\n", inline(&lines[..used.max(1)].join("\n"))), used.max(1))
    }
}

fn ends_paragraph(line: &str) -> bool {
    line.trim().is_empty() || ["```", "## ", "|", "- "].iter().any(|begin| line.starts_with(begin))
}

fn fenced(lines: &[&str]) -> (String, usize) {
    let body = &lines[1..];
    let end = body.iter().position(|line| line.starts_with("```")).unwrap_or(body.len());
    let html = format!("<pre>{}</pre>\n", escape(&body[..end].join("\n")));
    (html, (end + 2).min(lines.len()))
}

fn list(lines: &[&str]) -> (String, usize) {
    let goes_on = |line: &&str| line.starts_with("- ") || line.starts_with("  ");
    let used = lines.iter().take_while(|line| goes_on(line)).count();
    let mut items: Vec<String> = Vec::new();
    for line in &lines[..used] {
        match (line.strip_prefix("- "), items.last_mut()) {
            (None, Some(item)) => add(item, format_args!("\n{}", line.trim_start())),
            (begin, _) => items.push(begin.unwrap_or(line).to_owned()),
        }
    }
    let items: Vec<String> =
        items.iter().map(|item| format!("<li>{}</li>\n", inline(item))).collect();
    (format!("<ul>\n{}</ul>\n", items.concat()), used)
}

fn table(lines: &[&str]) -> (String, usize) {
    let used = lines.iter().take_while(|line| line.starts_with('|')).count();
    let mut out = String::from("<div class=\"wide\"><table>\n");
    for (place, line) in lines[..used].iter().enumerate() {
        if place == 1 && line.chars().all(|one| "|-: ".contains(one)) {
            continue;
        }
        let cell = if place == 0 { "th" } else { "td" };
        let cells = line.trim().trim_matches('|').split('|');
        let cells: Vec<String> =
            cells.map(|text| format!("<{cell}>{}</{cell}>", inline(text.trim()))).collect();
        add(&mut out, format_args!("<tr>{}</tr>\n", cells.concat()));
    }
    (out + "</table></div>\n", used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_shown_and_not_passed_on() {
        assert_eq!(escape("<a href=\"x\">'&'"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
        assert_eq!(
            inline("a `<b>` **<c>**"),
            "a <code>&lt;b&gt;</code> <strong>&lt;c&gt;</strong>"
        );
        assert_eq!(render("```\n<x>\n```"), "<pre>&lt;x&gt;</pre>\n");
    }

    #[test]
    fn what_does_not_close_stays_as_it_is() {
        assert_eq!(inline("a ` b ** c"), "a ` b ** c");
        assert_eq!(render("```\nopen"), "<pre>open</pre>\n");
    }

    #[test]
    fn blocks_follow_each_other() {
        let text = "One\nline.\n\n- a\n  b\n- c\n## Next\n| x | y |\n|---|---|\n| `1` | 2 |";
        let expected = "<p>One\nline.</p>\n<ul>\n<li>a\nb</li>\n<li>c</li>\n</ul>\n\
            <h3 id=\"about-next\">Next</h3>\n<div class=\"wide\"><table>\n\
            <tr><th>x</th><th>y</th></tr>\n<tr><td><code>1</code></td><td>2</td></tr>\n\
            </table></div>\n";
        assert_eq!(render(text), expected);
        assert_eq!(headings(text).collect::<Vec<_>>(), ["Next"]);
    }
}

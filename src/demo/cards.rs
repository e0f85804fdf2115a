//! Cards on phones: the wallet enrols its members and issues a card to each; a few are written to
//! files, as a visitor would see them.

use std::io::Write;
use std::path::{Path, PathBuf};

use coalition_partner::{Card, Client};
use serde_json::{Value, json};

use super::DemoError;
use super::chance::Chance;
use super::people::People;
use super::stage::{Stage, must_accept, text};
use super::summary::grouped;

/// Who issues the cards, and of which programme.
pub const WALLET: &str = "pocket";
pub const PROGRAMME: &str = "heston-club";

/// The folder of the files, beside the database.
const FOLDER: &str = "coalition-demo-cards";

/// Cards that are written to files.
const SHOWN: usize = 3;

/// Calls that the wallet makes at the same time.
const CALLERS: usize = 8;

/// Of a thousand members, how many want to hear of offers.
const AGREE: u64 = 850;

const NAMES: [&str; 8] = ["Anna", "Boris", "Daria", "Ivan", "Maria", "Oleg", "Sofia", "Timur"];
const SURNAMES: [&str; 5] = ["Belyak", "Kim", "Melnik", "Sedykh", "Tkach"];
const CITIES: [&str; 5] = ["Moscow", "Moscow", "Kazan", "Samara", "Tomsk"];

/// A card and whose it is.
pub struct Holder {
    /// The number of the card.
    pub card: String,
    /// The member's id.
    pub member: String,
    /// The member's phone.
    pub phone: String,
}

/// The cards of the wallet.
pub struct Cards {
    /// Who holds one, in the order in which they were issued.
    pub holders: Vec<Holder>,
    /// How many holders agreed to hear of offers.
    agreed: usize,
}

/// Somebody who enrols in the wallet.
struct Newcomer<'a> {
    phone: &'a str,
    agrees: bool,
    body: Value,
}

impl Cards {
    /// The wallet enrols its members, with what they agree to, and issues their cards.
    pub fn issue(stage: &Stage, people: &People, mut chance: Chance) -> Result<Self, DemoError> {
        let wallet = stage.party(WALLET);
        let phones = people.all.iter().filter(|one| one.wallet).map(|one| one.name.as_str());
        let phones = phones.filter_map(|name| name.strip_prefix("phone:"));
        let newcomers: Vec<Newcomer<'_>> = phones
            .map(|phone| {
                let agrees = chance.happens(AGREE);
                let person = enrolment(phone, agrees, &mut chance);
                let body = json!({"programme": PROGRAMME, "person": person});
                Newcomer { phone, agrees, body }
            })
            .collect();
        let at_once = newcomers.len().div_ceil(CALLERS).max(1);
        let holders = std::thread::scope(|scope| {
            let callers: Vec<_> = newcomers
                .chunks(at_once)
                .map(|some| scope.spawn(move || issue_to(wallet, some)))
                .collect();
            let mut holders = Vec::with_capacity(newcomers.len());
            for caller in callers {
                holders.extend(caller.join().expect("a caller gives back its error")?);
            }
            Ok::<_, DemoError>(holders)
        })?;
        let agreed = newcomers.iter().filter(|one| one.agrees).count();
        Ok(Self { holders, agreed })
    }
}

/// Enrols some and issues their cards, one by one.
fn issue_to(wallet: &Client, newcomers: &[Newcomer<'_>]) -> Result<Vec<Holder>, DemoError> {
    let issue = |one: &Newcomer<'_>| {
        let answer = wallet.post("/v1/cards", &format!("card/{}", one.phone), &one.body)?;
        let Card { number, member, .. } = answer.accepted()?.value;
        Ok(Holder { card: number, member, phone: one.phone.to_owned() })
    };
    newcomers.iter().map(issue).collect()
}

/// What the wallet knows of somebody who enrols, and what they agree to.
fn enrolment(phone: &str, agrees: bool, chance: &mut Chance) -> Value {
    let name = format!("{} {}", chance.pick(&NAMES), chance.pick(&SURNAMES));
    json!({
        "phone": phone,
        "verified": ["phone"],
        "profile": {"name": name, "city": chance.pick(&CITIES), "language": "ru"},
        "consents": [
            {"purpose": "processing", "version": "2025-01"},
            {"purpose": "marketing", "channel": "push", "given": agrees, "version": "2025-01"}
        ]
    })
}

/// Writes a few cards to files and prints where they are. Gives back the first.
pub fn show<'a>(
    out: &mut dyn Write,
    stage: &Stage,
    cards: &'a Cards,
    database: &Path,
) -> Result<Option<&'a Holder>, DemoError> {
    let wallet = stage.party(WALLET);
    let folder = database.with_file_name(FOLDER);
    std::fs::create_dir_all(&folder)?;
    writeln!(
        out,
        "\nCards: {WALLET} enrolled {} members and issued each a card of {PROGRAMME}; \
         {} agreed to be told of offers",
        grouped(i64::try_from(cards.holders.len()).unwrap_or(i64::MAX)),
        grouped(i64::try_from(cards.agreed).unwrap_or(i64::MAX))
    )?;
    let shown = with_points(wallet, cards)?;
    for (place, (holder, points)) in shown.iter().enumerate() {
        let [svg, pass] = [("barcode", "svg"), ("pass", "pkpass")].map(|(what, ending)| {
            let file = folder.join(format!("card-{}.{ending}", place + 1));
            write_file(wallet, &format!("/v1/cards/{}/{what}", holder.card), file)
        });
        writeln!(
            out,
            "  {} of {}, {} bonuses to spend\n    barcode        {}\n    Apple Wallet   {}",
            holder.card,
            holder.member,
            grouped(*points),
            svg?.display(),
            pass?.display()
        )?;
    }
    writeln!(
        out,
        "  A browser opens the barcodes; `unzip -l` lists what is in a pass. The passes are signed by a \
         certificate\n  that this server made for itself; phones accept those of Apple's only \
         (docs/cards.md)"
    )?;
    Ok(shown.first().map(|(holder, _)| *holder))
}

/// A few cards whose members have points to spend, or any.
fn with_points<'a>(wallet: &Client, cards: &'a Cards) -> Result<Vec<(&'a Holder, i64)>, DemoError> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for holder in &cards.holders {
        let path = format!("/v1/cards/{}", holder.card);
        let face = must_accept(&path, &wallet.get(&path)?)?;
        let points = face.get("balance").and_then(|one| text(one, "available").parse().ok());
        let points: i64 = points.unwrap_or(0);
        let found = if points > 0 { &mut with } else { &mut without };
        found.push((holder, points));
        if with.len() == SHOWN {
            break;
        }
    }
    with.extend(without);
    with.truncate(SHOWN);
    Ok(with)
}

fn write_file(wallet: &Client, path: &str, file: PathBuf) -> Result<PathBuf, DemoError> {
    let answer = wallet.get(path)?;
    if !answer.is_accepted() {
        return Err(DemoError::Refused { what: path.to_owned(), answer: answer.text() });
    }
    std::fs::write(&file, &answer.body)?;
    Ok(file)
}

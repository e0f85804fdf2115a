//! What a programme's rules come to, in a few plain sentences of two languages.

use rust_decimal::Decimal;
use serde::Serialize;

use super::programme::{EarnRule, ExpiryFrom, Lifetime, Mode, Programme};
use super::tiers::{Counts, Level, Tiers};
use crate::domain::amount::Points;

/// The same sentences in two languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// English.
    pub en: Vec<String>,
    /// Russian.
    pub ru: Vec<String>,
}

impl Summary {
    fn add(&mut self, en: String, ru: String) {
        self.en.push(en);
        self.ru.push(ru);
    }

    /// What a programme's rules come to, with money in a currency.
    pub fn of(programme: &Programme, currency: &str) -> Self {
        let mut all = Self::default();
        if let Some(rule) = &programme.earn.rule {
            let (en, ru) = earned(programme, rule, currency);
            all.add(format!("You earn {en}."), format!("Начисляется {ru}."));
        }
        if let Some(tiers) = &programme.tiers {
            for level in &tiers.levels {
                all.level(programme, tiers, level, currency);
            }
        }
        match programme.hold_days {
            0 => all.add(
                "They can be used at once.".to_owned(),
                "Использовать можно сразу.".to_owned(),
            ),
            days => all.add(
                format!("They can be used after {days} days."),
                format!("Использовать можно через {days} дн."),
            ),
        }
        all.lifetime(programme.lifetime);
        all.burning(programme, currency);
        all
    }

    fn level(&mut self, programme: &Programme, tiers: &Tiers, level: &Level, currency: &str) {
        let (from_en, from_ru) = match tiers.counts {
            Counts::Spend => {
                let money = crate::domain::amount::Money(level.from).text(programme.scales.money);
                (format!("{money} {currency} spent"), format!("{money} {currency} покупок"))
            }
            Counts::Purchases => {
                (format!("{} purchases", level.from), format!("{} покупок (шт.)", level.from))
            }
        };
        let rule = level.earn.as_ref().and_then(|earn| earn.rule.as_ref());
        let (en, ru) = rule.map_or_else(Default::default, |rule| {
            let (en, ru) = earned(programme, rule, currency);
            (format!(": {en}"), format!(": {ru}"))
        });
        let id = &level.id;
        self.add(
            format!("Level {id} from {from_en}{en}."),
            format!("Уровень {id} от {from_ru}{ru}."),
        );
    }

    fn lifetime(&mut self, lifetime: Lifetime) {
        let since = |from| match from {
            ExpiryFrom::Accrual => ("of the purchase", "покупки"),
            ExpiryFrom::Availability => ("on which they can be used", "открытия"),
        };
        let (en, ru) = match lifetime {
            Lifetime::Forever => ("They are never lost.".to_owned(), "Не сгорают.".to_owned()),
            Lifetime::Months(count, from) => {
                let (en, ru) = since(from);
                (
                    format!("They are good for {count} months from the day {en}."),
                    format!("Действуют {count} мес. со дня {ru}."),
                )
            }
            Lifetime::Days(count, from) => {
                let (en, ru) = since(from);
                (
                    format!("They are good for {count} days from the day {en}."),
                    format!("Действуют {count} дн. со дня {ru}."),
                )
            }
        };
        self.add(en, ru);
    }

    fn burning(&mut self, programme: &Programme, currency: &str) {
        let open = programme.burn.as_ref().filter(|_| programme.mode == Mode::Live);
        let Some(burn) = open else {
            let ru = "Пока баллами нельзя платить.";
            return self.add("They can't pay yet.".to_owned(), ru.to_owned());
        };
        let share = percent(burn.max_share);
        let value = programme.point_value.normalize();
        self.add(
            format!("They pay up to {share} % of a purchase, each {value} {currency}."),
            format!("Оплата до {share} % покупки, 1 = {value} {currency}."),
        );
        if burn.min_points.is_positive() {
            let least = burn.min_points.text(programme.scales.points);
            self.add(
                format!("At least {least} are used at once."),
                format!("Списание от {least}."),
            );
        }
    }
}

fn percent(share: Decimal) -> Decimal {
    (share * Decimal::ONE_HUNDRED).normalize()
}

fn earned(programme: &Programme, rule: &EarnRule, currency: &str) -> (String, String) {
    let unit = &programme.unit;
    match rule {
        EarnRule::Rate(rate) => {
            let points = (*rate * Decimal::ONE_HUNDRED).normalize();
            let money = format!("100 {currency}");
            (format!("{points} {unit} for {money}"), format!("{points} {unit} за {money}"))
        }
        EarnRule::Step { points, per } => {
            let points = Points(*points).text(programme.scales.points);
            let money = crate::domain::amount::Money(*per).text(programme.scales.money);
            (
                format!("{points} {unit} for every full {money} {currency}"),
                format!("{points} {unit} за каждые полные {money} {currency}"),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::terms::programme_document::ProgrammeDocument;
    use crate::domain::time::Zone;

    #[test]
    fn rules_are_said_in_both_languages() {
        let document: ProgrammeDocument = serde_json::from_str(
            r#"{"id": "club", "brand": "brand", "unit": {"name": "bonus"}, "point_value": "1.00",
                "earn": {"step": {"points": "3", "per": "100.00"}}, "hold_days": 14,
                "expire": {"months": 12}, "burn": {"max_share": "0.4", "min_points": "50"},
                "tiers": {"metric": "spend", "levels": [
                    {"id": "gold", "from": "5000.00", "earn": {"rate": "0.1"}}]}}"#,
        )
        .expect("it is read");
        let zone = Zone::named("Europe/Moscow").expect("a zone");
        let summary = Summary::of(&document.check(&zone, 2).expect("it is taken"), "RUB");
        assert_eq!(
            summary.en,
            [
                "You earn 3 bonus for every full 100.00 RUB.",
                "Level gold from 5000.00 RUB spent: 10 bonus for 100 RUB.",
                "They can be used after 14 days.",
                "They are good for 12 months from the day of the purchase.",
                "They pay up to 40 % of a purchase, each 1 RUB.",
                "At least 50 are used at once.",
            ]
        );
        assert_eq!(summary.ru.len(), summary.en.len());
        assert_eq!(summary.ru[4], "Оплата до 40 % покупки, 1 = 1 RUB.");
    }
}

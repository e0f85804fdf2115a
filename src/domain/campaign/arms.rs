//! The groups of a campaign. A member's group follows from the campaign's salt and the member's id
//! alone, so it is the same at every run, on every server.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::ids::MemberId;

/// Into how many parts the members are cut.
const PARTS: u64 = 1_000_000;

/// A member's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Is told, and gets what the campaign grants.
    Test,
    /// Is not told; gets the same or nothing, as the campaign says.
    Control,
}

impl Arm {
    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Control => "control",
        }
    }

    /// The group of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Test, Self::Control].into_iter().find(|arm| arm.name() == name)
    }
}

/// The group of a member where a share of all (0 to 1, six digits) is the control group.
pub fn arm_of(salt: &str, member: MemberId, control: Decimal) -> Arm {
    let mut state = Sha256::new();
    state.update(b"arm\0");
    state.update(salt.as_bytes());
    state.update([0]);
    state.update(member.0.to_be_bytes());
    let digest: [u8; 32] = state.finalize().into();
    let first: [u8; 8] = digest[..8].try_into().expect("a digest has 32 bytes");
    let part = u64::from_be_bytes(first) % PARTS;
    let limit = (control * Decimal::from(PARTS)).to_u64().unwrap_or(0);
    if part < limit { Arm::Control } else { Arm::Test }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ShardId;

    #[test]
    fn a_share_of_the_members_is_the_control_group_and_stays_it() {
        let count = |salt: &str, share: Decimal| {
            let members = (1..20_001).map(|number| MemberId::new(ShardId(number % 7), number));
            members.filter(|member| arm_of(salt, *member, share) == Arm::Control).count()
        };
        let fifth = count("spring", Decimal::new(2, 1));
        // Five standard deviations of 20,000 draws with a fifth each: 283.
        assert!((3_717..=4_283).contains(&fifth), "{fifth}");
        assert_eq!(fifth, count("spring", Decimal::new(2, 1)));
        assert_ne!(fifth, count("summer", Decimal::new(2, 1)));
        assert_eq!(count("spring", Decimal::ZERO), 0);
        assert_eq!(count("spring", Decimal::ONE), 20_000);
        let member = MemberId::new(ShardId(3), 17);
        // The rule is fixed: other programs may reckon it.
        assert_eq!(arm_of("spring", member, Decimal::new(5, 1)), Arm::Test);
    }

    #[test]
    fn a_larger_control_group_keeps_those_that_were_in_it() {
        for number in 1..2_000 {
            let member = MemberId::new(ShardId(0), number);
            let small = arm_of("s", member, Decimal::new(1, 1));
            let large = arm_of("s", member, Decimal::new(3, 1));
            assert!(small == Arm::Test || large == Arm::Control);
        }
    }
}

//! The checks of proofs, on proofs made by the definitions of RFC 9162.

use coalition_partner::proof::{Hash, MerkleFault, verify_consistency, verify_inclusion};

use super::books::{consistency, inclusion, root, sha};

fn leaves(size: usize) -> Vec<Hash> {
    (0..size).map(|number| sha(&[&[0], &number.to_be_bytes()])).collect()
}

fn whole(size: usize) -> i64 {
    i64::try_from(size).expect("small")
}

#[test]
fn every_inclusion_is_proved_and_no_other() {
    let all = leaves(70);
    for size in 1..=all.len() {
        let leaves = &all[..size];
        let root = root(leaves);
        for (index, leaf) in leaves.iter().enumerate() {
            let path = inclusion(index, leaves);
            let place = (whole(index), whole(size));
            assert_eq!(verify_inclusion(*leaf, place, &path, &root), Ok(()), "{place:?}");
            let longer = [&path[..], &[root]].concat();
            let wrong = Err(MerkleFault::WrongLength);
            assert_eq!(verify_inclusion(*leaf, place, &longer, &root), wrong);
            if let Some((_, shorter)) = path.split_last() {
                assert_eq!(verify_inclusion(*leaf, place, shorter, &root), wrong);
            }
            for at in 0..path.len() {
                let mut path = path.clone();
                path[at][31] ^= 1;
                let found = verify_inclusion(*leaf, place, &path, &root);
                assert_eq!(found, Err(MerkleFault::WrongRoot), "{place:?}");
            }
            for index in (0..size).filter(|other| *other != index) {
                let place = (whole(index), whole(size));
                assert!(verify_inclusion(*leaf, place, &path, &root).is_err(), "{place:?}");
            }
        }
        let outside = (whole(size), whole(size));
        let found = verify_inclusion(leaves[0], outside, &[], &root);
        assert_eq!(found, Err(MerkleFault::OutOfRange));
    }
    assert_eq!(verify_inclusion(all[0], (-1, 5), &[], &all[0]), Err(MerkleFault::OutOfRange));
}

#[test]
fn every_continuation_is_proved_and_no_other() {
    let all = leaves(70);
    let roots: Vec<Hash> = (0..=all.len()).map(|size| root(&all[..size])).collect();
    for to in 1..=all.len() {
        for from in 1..=to {
            let path = consistency(from, &all[..to], true);
            let check = |from: usize, path: &[Hash]| {
                let earlier = (whole(from), &roots[from]);
                verify_consistency(earlier, (whole(to), &roots[to]), path)
            };
            assert_eq!(check(from, &path), Ok(()), "{from} {to}");
            assert!(check(from, &[&path[..], &[roots[1]]].concat()).is_err(), "{from} {to}");
            if let Some((_, shorter)) = path.split_last() {
                assert!(check(from, shorter).is_err(), "{from} {to}");
            }
            for at in 0..path.len() {
                let mut path = path.clone();
                path[at][0] ^= 128;
                assert!(check(from, &path).is_err(), "{from} {to}");
            }
            for other in (1..=to).filter(|other| *other != from) {
                assert!(check(other, &path).is_err(), "{from} {other} {to}");
            }
            let wrong = verify_consistency((whole(from), &[1; 32]), (whole(to), &roots[to]), &path);
            assert!(wrong.is_err(), "{from} {to}");
        }
    }
    let back = verify_consistency((5, &roots[5]), (4, &roots[4]), &[]);
    assert_eq!(back, Err(MerkleFault::OutOfRange));
    let empty = verify_consistency((0, &roots[0]), (4, &roots[4]), &[]);
    assert_eq!(empty, Err(MerkleFault::OutOfRange));
}

//! Cents: apportioned by largest remainder, so that what is printed adds up.

use super::Usd;

const NANOS_PER_CENT: i128 = 10_000_000;

/// The amounts in whole cents (as dollars), so that they add up to their sum rounded to cents, half
/// to even. No amount moves by a cent or more, none changes its sign, and nothing stays nothing;
/// ties go to the amount that comes first.
#[must_use]
pub fn in_cents(amounts: &[Usd]) -> Vec<Usd> {
    let total: Usd = amounts.iter().copied().sum();
    in_cents_of(total.cents(), amounts)
}

/// The amounts of several columns in whole cents: first the columns' sums among each other, then
/// each column's amounts, so that a column adds up to within a cent of its exact sum, and all
/// together to theirs rounded.
#[must_use]
pub fn columns_in_cents<const N: usize>(columns: [&[Usd]; N]) -> [Vec<Usd>; N] {
    let sums = columns.map(|column| column.iter().copied().sum::<Usd>());
    let mut booked = in_cents(&sums).into_iter();
    columns.map(|column| {
        let sum = booked.next().unwrap_or_default();
        in_cents_of(sum.nanos() / NANOS_PER_CENT, column)
    })
}

/// The amounts in whole cents (as dollars) that add up to so many. Where these are the amounts'
/// sum, rounded down or up, no amount moves by a cent or more; what is beyond that is the largest
/// one's.
#[must_use]
pub fn in_cents_of(total_cents: i128, amounts: &[Usd]) -> Vec<Usd> {
    let mut cents: Vec<i128> =
        amounts.iter().map(|amount| amount.nanos().div_euclid(NANOS_PER_CENT)).collect();
    let mut remainders: Vec<(i128, usize)> = amounts
        .iter()
        .enumerate()
        .map(|(index, amount)| (amount.nanos().rem_euclid(NANOS_PER_CENT), index))
        .filter(|(remainder, _)| *remainder > 0)
        .collect();
    remainders.sort_unstable_by_key(|(remainder, index)| (std::cmp::Reverse(*remainder), *index));
    let mut missing = total_cents - cents.iter().sum::<i128>();
    for (_, index) in remainders {
        if missing <= 0 {
            break;
        }
        cents[index] += 1;
        missing -= 1;
    }
    let size = |place: &usize| std::cmp::Reverse(amounts[*place].nanos().unsigned_abs());
    if let Some(largest) = (0..amounts.len()).min_by_key(size) {
        cents[largest] += missing;
    }
    cents.into_iter().map(|cents| Usd::from_nanos(cents * NANOS_PER_CENT)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(nanos: &[i128]) -> Vec<Usd> {
        nanos.iter().map(|n| Usd::from_nanos(*n)).collect()
    }

    fn cents(nanos: &[i128]) -> Vec<i128> {
        in_cents(&usd(nanos)).into_iter().map(|usd| usd.nanos() / NANOS_PER_CENT).collect()
    }

    #[test]
    fn a_third_of_a_dollar_thrice_is_a_dollar() {
        assert_eq!(cents(&[333_333_334, 333_333_333, 333_333_333]), [34, 33, 33]);
        assert_eq!(cents(&[333_333_333, 333_333_334, 333_333_333]), [33, 34, 33]);
        // Ties go to the first, and nothing stays nothing.
        assert_eq!(cents(&[0, 5_000_000, 5_000_000, 5_000_000, 5_000_000]), [0, 1, 1, 0, 0]);
        // 0.4 cents less 1.6 cents is -1.2 cents: the credit keeps the whole of it.
        assert_eq!(cents(&[4_000_000, -16_000_000]), [1, -2]);
        assert_eq!(cents(&[]), [0_i128; 0]);
    }

    /// A difference of two sums that were rounded each may be a cent off the sum of its parts.
    #[test]
    fn what_no_remainder_takes_is_the_largest_amounts() {
        let of = |total: i128, nanos: &[i128]| -> Vec<i128> {
            in_cents_of(total, &usd(nanos)).iter().map(|usd| usd.nanos() / NANOS_PER_CENT).collect()
        };
        assert_eq!(of(6, &[20_000_000, 30_000_000]), [2, 4]);
        assert_eq!(of(4, &[20_000_000, 30_000_000]), [2, 2]);
        assert_eq!(of(0, &[-15_000_000, 5_000_000]), [-1, 1]);
        assert_eq!(of(0, &[]), [0_i128; 0]);
    }

    /// By hand: 1.4 and 0.5 cents are booked 1 and 1, for 1.9 is 2; the first column's 0.7 twice is
    /// then 1 and 0.
    #[test]
    fn columns_add_up_each_and_together() {
        let (own, shared) = (usd(&[7_000_000, 7_000_000]), usd(&[5_000_000]));
        let booked = columns_in_cents([&own, &shared]);
        let cent = |cents: i128| Usd::from_nanos(cents * NANOS_PER_CENT);
        assert_eq!(booked, [vec![cent(1), cent(0)], vec![cent(1)]]);
    }

    proptest! {
        #[test]
        fn columns_stay_within_a_cent_of_their_sums(
            a in prop::collection::vec(-10_000_000_000_i128..10_000_000_000, 0..20),
            b in prop::collection::vec(0_i128..10_000_000_000, 0..20),
        ) {
            let columns = [usd(&a), usd(&b)];
            let booked = columns_in_cents([&columns[0], &columns[1]]);
            let sum = |all: &[Usd]| all.iter().map(|usd| usd.nanos()).sum::<i128>();
            for (booked, exact) in booked.iter().zip(&columns) {
                prop_assert_eq!(booked.len(), exact.len());
                prop_assert!((sum(booked) - sum(exact)).abs() < NANOS_PER_CENT);
                for (cents, exact) in booked.iter().zip(exact) {
                    prop_assert!((cents.nanos() - exact.nanos()).abs() < NANOS_PER_CENT);
                }
            }
            let whole = Usd::from_nanos(sum(&columns[0]) + sum(&columns[1]));
            prop_assert_eq!(sum(&booked[0]) + sum(&booked[1]), whole.cents() * NANOS_PER_CENT);
        }

        #[test]
        fn cents_add_up_and_stay_near(
            nanos in prop::collection::vec(-10_000_000_000_i128..10_000_000_000, 0..50)
        ) {
            let booked = cents(&nanos);
            let total: i128 = nanos.iter().sum();
            let off = booked.iter().sum::<i128>() * NANOS_PER_CENT - total;
            prop_assert!(off.abs() * 2 <= NANOS_PER_CENT, "{off}");
            for (cents, nanos) in booked.iter().zip(&nanos) {
                prop_assert!((cents * NANOS_PER_CENT - nanos).abs() < NANOS_PER_CENT);
                prop_assert!(*nanos < 0 || *cents >= 0);
                prop_assert!(*nanos > 0 || *cents <= 0);
            }
        }
    }
}

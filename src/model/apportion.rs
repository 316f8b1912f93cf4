//! Splitting a whole into parts that add up to it, to the last unit.

/// Splits `total` in proportion to `weights`, by largest remainder, ties to the part that comes
/// first. The parts add up to the total; a part without weight gets nothing. `None` where no part
/// has any weight, or the numbers leave the range of 128 bits.
#[must_use]
pub fn apportion(total: i128, weights: &[u128]) -> Option<Vec<i128>> {
    let whole = weights.iter().try_fold(0_u128, |sum, weight| sum.checked_add(*weight))?;
    let units = total.unsigned_abs();
    let (each, rest) = (units.checked_div(whole)?, units.checked_rem(whole)?);
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut given = 0_u128;
    for (index, weight) in weights.iter().enumerate() {
        let product = rest.checked_mul(*weight)?;
        let part = each.checked_mul(*weight)?.checked_add(product / whole)?;
        given += part;
        parts.push(part);
        remainders.push((product % whole, index));
    }
    // The largest remainder first; of equal ones the earlier part.
    remainders.sort_unstable_by_key(|(remainder, index)| (std::cmp::Reverse(*remainder), *index));
    let missing = usize::try_from(units - given).ok()?;
    for (_, index) in remainders.into_iter().take(missing) {
        parts[index] += 1;
    }
    let sign = total.signum();
    parts.into_iter().map(|part| Some(i128::try_from(part).ok()? * sign)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_units_go_to_the_largest_remainders() {
        assert_eq!(apportion(100, &[1, 1, 1]), Some(vec![34, 33, 33]));
        assert_eq!(apportion(10, &[5, 0, 7, 7]), Some(vec![2, 0, 4, 4]));
        assert_eq!(apportion(-7, &[1, 3]), Some(vec![-2, -5]));
        assert_eq!(apportion(5, &[0, 0]), None);
        assert_eq!(apportion(5, &[]), None);
        assert_eq!(apportion(0, &[0, 2]), Some(vec![0, 0]));
    }

    proptest! {
        /// No part is a whole unit away from its exact share, and nothing is lost.
        #[test]
        fn parts_add_up_and_are_fair(
            total in -1_000_000_000_000_i128..1_000_000_000_000,
            weights in prop::collection::vec(0_u128..1_000_000, 1..40),
        ) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let parts = apportion(total, &weights).unwrap();
            prop_assert_eq!(parts.iter().sum::<i128>(), total);
            let whole: i128 = weights.iter().map(|w| i128::try_from(*w).unwrap()).sum();
            for (part, weight) in parts.iter().zip(&weights) {
                let exact = total * i128::try_from(*weight).unwrap();
                prop_assert!((part * whole - exact).abs() < whole);
                prop_assert!(*weight > 0 || *part == 0);
            }
        }
    }
}

//! Confidence intervals of means over two crossed factors, such as cases and training seeds.
//!
//! The pigeonhole bootstrap (Owen, Annals of Applied Statistics 1, 2007): rows and columns are drawn
//! independently with replacement, and the mean over the drawn values is one resample. Only n - 1 of n are
//! drawn, which corrects the bootstrap's underestimated spread for few rows or columns (Hesterberg, The
//! American Statistician 69, 2015, §3.3), such as three training seeds.

use lb_core::Seed;
use lb_core::rng::Rng;
use rand::RngExt;

/// Confidence level of all intervals.
pub const LEVEL: f64 = 0.95;

/// Number of resamples; with this many, the ends of a 95 % interval vary by a few hundredths of its width.
const RESAMPLES: usize = 2_000;

/// Returns the interval of the mean of `values`, given as rows of equal length. Returns `None` if there is
/// neither a second row nor a second column, because the spread is then unknown.
pub fn crossed(values: &[Vec<f64>], seed: Seed) -> Option<[f64; 2]> {
    let (rows, columns) = (values.len(), values.first()?.len());
    if rows * columns < 2 {
        return None;
    }
    let mut rng = seed.stream(&[rows as u64, columns as u64]);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let (picked_rows, picked_columns) = (draw(rows, &mut rng), draw(columns, &mut rng));
            let of_row = |row: &usize| picked_columns.iter().map(|column| values[*row][*column]).sum::<f64>();
            picked_rows.iter().map(of_row).sum::<f64>() / (picked_rows.len() * picked_columns.len()) as f64
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - LEVEL) / 2.0;
    let at = |share: f64| means[((RESAMPLES - 1) as f64 * share).round() as usize];
    Some([at(tail), at(1.0 - tail)])
}

/// Draws `count - 1` numbers, but at least one, from `0..count` with replacement.
fn draw(count: usize, rng: &mut Rng) -> Vec<usize> {
    (0..(count - 1).max(1)).map(|_| rng.random_range(0..count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, Normal};

    #[test]
    fn the_interval_of_a_mean_covers_the_truth_as_often_as_it_says() {
        // Rows and columns have effects of their own, as cases and seeds have.
        let (rows, columns, tries) = (40, 6, 400);
        let mut rng = Seed(7).stream(&[]);
        let row_effect = Normal::new(0.0, 0.3).expect("a deviation");
        let column_effect = Normal::new(0.0, 0.02).expect("a deviation");
        let noise = Normal::new(0.0, 0.1).expect("a deviation");
        let mut covered = 0;
        for number in 0..tries {
            let shifts: Vec<f64> = (0..columns).map(|_| column_effect.sample(&mut rng)).collect();
            let values: Vec<Vec<f64>> = (0..rows)
                .map(|_| {
                    let effect = row_effect.sample(&mut rng);
                    shifts.iter().map(|shift| effect + shift + noise.sample(&mut rng)).collect()
                })
                .collect();
            let [low, high] = crossed(&values, Seed(number)).expect("many values");
            covered += usize::from(low <= 0.0 && 0.0 <= high);
        }
        let share = covered as f64 / tries as f64;
        assert!((0.91..=0.985).contains(&share), "a 95 % interval covered the truth in {share} of the cases");
    }

    #[test]
    fn one_value_has_no_interval_and_equal_values_have_one_without_width() {
        assert_eq!(crossed(&[vec![1.0]], Seed(1)), None);
        assert_eq!(crossed(&[], Seed(1)), None);
        assert_eq!(crossed(&[vec![2.0; 3], vec![2.0; 3]], Seed(1)), Some([2.0, 2.0]));
    }

    #[test]
    fn more_columns_that_agree_make_the_interval_no_narrower_than_rows_allow() {
        let values: Vec<Vec<f64>> = (0..10).map(|row| vec![f64::from(row); 3]).collect();
        let single: Vec<Vec<f64>> = (0..10).map(|row| vec![f64::from(row)]).collect();
        let width = |values: &[Vec<f64>]| crossed(values, Seed(3)).map(|[low, high]| high - low);
        let (many, one) = (width(&values).expect("rows"), width(&single).expect("rows"));
        assert!((many / one - 1.0).abs() < 0.15, "equal columns do not narrow intervals: {many} and {one}");
    }
}

//! Natural logarithms that are cheap enough for every decision.

/// Counts below this have a precomputed logarithm.
const TABLE: usize = 256;

static LOGS: [f32; TABLE] = logs();

/// Computes ln(1 + n) for small n as a sum of `2 atanh(1 / (2k + 1))`, whose series converges quickly.
const fn logs() -> [f32; TABLE] {
    let mut table = [0.0; TABLE];
    let mut sum = 0.0f64;
    let mut k = 1;
    while k < TABLE {
        let x = 1.0 / (2.0 * k as f64 + 1.0);
        let (mut power, mut term) = (x, 1.0);
        while term < 40.0 {
            sum += 2.0 * power / term;
            power *= x * x;
            term += 2.0;
        }
        table[k] = sum as f32;
        k += 1;
    }
    table
}

/// Returns ln(1 + count).
#[inline]
pub(super) fn log_of_count(count: u32) -> f32 {
    LOGS.get(count as usize).copied().unwrap_or_else(|| ln(1.0 + count as f32))
}

/// Replaces positive numbers by their natural logarithms. In a loop over an array, [`ln`] is computed for as many numbers at
/// once as a vector register holds.
#[inline]
pub(super) fn ln_all<const COUNT: usize>(numbers: &mut [[f32; COUNT]]) {
    for number in numbers.as_flattened_mut() {
        *number = ln(*number);
    }
}

/// Returns the natural logarithm of a positive number, with an error of at most 1.3e-5. It is the
/// exponent plus a polynomial in the mantissa, which is exact at 1 and 2, so that the function is
/// continuous. (Least squares for `ln(1 + m) / m`.)
#[inline]
pub(in crate::policy::learned) fn ln(value: f32) -> f32 {
    let bits = value.to_bits();
    let exponent = ((bits >> 23) as i32 - 127) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff) | 0x3f80_0000) - 1.0;
    let p = 0.999_404_5 + m * (-0.491_006_16 + m * (0.286_654_52 + m * (-0.132_573_07 + m * 0.030_667_42)));
    exponent * std::f32::consts::LN_2 + m * p
}

//! libtorch works as this crate links it: gradients equal those worked out by hand.

use tch::{Kind, Tensor};

/// f(x, y) = x² y + sin(y), so df/dx = 2xy and df/dy = x² + cos(y).
#[test]
fn a_gradient_equals_the_one_worked_out_by_hand() {
    let x = Tensor::from(3.0_f64).set_requires_grad(true);
    let y = Tensor::from(-0.5_f64).set_requires_grad(true);
    let f = &x * &x * &y + y.sin();
    f.backward();

    let gradient = [x.grad().double_value(&[]), y.grad().double_value(&[])];
    // cos(0.5) = 0.877582561890373 (Abramowitz and Stegun, table 4.6).
    let by_hand = [-3.0, 9.0 + 0.877_582_561_890_373];
    for (got, expected) in gradient.iter().zip(by_hand) {
        assert!((got - expected).abs() < 1e-12, "autograd gives {gradient:?}, by hand it is {by_hand:?}");
    }
    assert_eq!(f.kind(), Kind::Double, "nothing was rounded to single precision on the way");
}

//! Adam (Kingma and Ba, 2015) with exposed state, so that a checkpoint can save it. The optimiser of the
//! tensor library does not expose its state.

use tch::Tensor;

/// The usual decay rates of the moving averages of gradients and of their squares, and a larger epsilon, as
/// in PPO's reference implementation (Huang et al., The 37 implementation details of proximal policy
/// optimization, 2022, detail 3).
const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-5;

/// The Adam optimiser for a list of parameters.
#[derive(Debug)]
pub struct Adam {
    /// Moving averages of gradients, by parameter.
    pub first: Vec<Tensor>,
    /// Moving averages of squared gradients, by parameter.
    pub second: Vec<Tensor>,
    /// Number of steps taken.
    pub steps: i64,
}

impl Adam {
    /// Creates a new state for these parameters.
    pub fn new(parameters: &[&Tensor]) -> Self {
        let zeros = || parameters.iter().map(|one| one.detach().zeros_like()).collect();
        Self { first: zeros(), second: zeros(), steps: 0 }
    }

    /// Performs one step after clipping the gradients' global norm to `max_grad_norm`. Returns the norm
    /// before clipping.
    pub fn step(&mut self, parameters: &[&Tensor], rate: f64, max_grad_norm: f64) -> f64 {
        let _no_grad = tch::no_grad_guard();
        let gradients: Vec<Tensor> = parameters.iter().map(|one| one.grad()).collect();
        let squares: f64 =
            gradients.iter().map(|one| one.square().sum(tch::Kind::Float).double_value(&[])).sum();
        let norm = squares.sqrt();
        let scale = if norm > max_grad_norm { max_grad_norm / norm } else { 1.0 };
        self.steps += 1;
        let correct_1 = 1.0 - BETA_1.powi(self.steps as i32);
        let correct_2 = 1.0 - BETA_2.powi(self.steps as i32);
        let states = self.first.iter_mut().zip(&mut self.second);
        for ((parameter, gradient), (first, second)) in parameters.iter().zip(gradients).zip(states) {
            let gradient = gradient * scale;
            let _ = first.g_mul_scalar_(BETA_1).g_add_(&(&gradient * (1.0 - BETA_1)));
            let _ = second.g_mul_scalar_(BETA_2).g_add_(&(gradient.square() * (1.0 - BETA_2)));
            let step = &*first / correct_1 / ((&*second / correct_2).sqrt() + EPSILON);
            let _ = parameter.shallow_clone().g_sub_(&(step * rate));
            let _ = parameter.grad().zero_();
        }
        norm
    }
}

//! The names of a load balancer and of its algorithms, known without a connection, so that a plan can report
//! what is missing before anything is started.

use lb_core::Algorithm;
use lb_core::algorithm::Rule;

/// The name of a load balancer and its own names for our algorithms.
#[derive(Debug)]
pub struct Names {
    /// Name of the load balancer in flags and results, in lower case.
    pub name: &'static str,
    /// The algorithms that it has, each with the load balancer's own name for it.
    pub algorithms: &'static [(Rule, &'static str)],
    /// Hints for algorithms that it lacks: the closest match, or the reason why it lacks them.
    pub lacking: &'static [(Rule, &'static str)],
    /// Rules that consider weights by our definition, but not in this load balancer.
    pub ignores_weights: &'static [Rule],
}

impl Names {
    /// Returns the load balancer's own name for an algorithm, or `None` if it does not have it. No load
    /// balancer switches its outlier ejection together with the algorithm, so variants with ejection have no
    /// name.
    pub fn native(&self, algorithm: Algorithm) -> Option<&'static str> {
        find(self.algorithms, algorithm.rule).filter(|_| !algorithm.ejection)
    }

    /// Lists the algorithms that the load balancer has.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> + use<> {
        self.algorithms.iter().map(|(rule, _)| Algorithm::plain(*rule))
    }

    /// Explains that the load balancer lacks an algorithm, names the closest match, and lists those that it
    /// has.
    pub fn lacks(&self, algorithm: Algorithm) -> String {
        let names: Vec<String> = self.algorithms().map(|algorithm| algorithm.to_string()).collect();
        let hint = match find(self.lacking, algorithm.rule) {
            _ if algorithm.ejection => {
                "; its outlier ejection, where it has one, is not switched with the algorithm".to_owned()
            }
            Some(hint) => format!("; {hint}"),
            None => String::new(),
        };
        format!("{} has no {algorithm}{hint}; it has {}", self.name, names.join(", "))
    }
}

fn find(table: &[(Rule, &'static str)], wanted: Rule) -> Option<&'static str> {
    table.iter().find(|(rule, _)| *rule == wanted).map(|(_, text)| *text)
}

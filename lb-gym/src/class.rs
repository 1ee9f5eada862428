//! What Python sees of a fleet: a class that writes into arrays of NumPy.

use crate::cases::Source;
use crate::fleet::{Chunk, Fleet as Crew, LOST};
use crate::seat::{Autoreset, Ended, RewardForm, Setup};
use lb_core::policy::learned::WIDTH;
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

/// Arrays that receive what comes out of the environments; `n` environments of `b` backends with rows of `w` values.
struct Arrays {
    /// `n x b x w`.
    observations: PyBuffer<f32>,
    /// `n x b x w`; empty unless episodes begin within the step that ends others.
    finals: PyBuffer<f32>,
    /// `n x b`.
    masks: PyBuffer<u8>,
    rewards: PyBuffer<f64>,
    terminated: PyBuffer<u8>,
    truncated: PyBuffer<u8>,
    redirected: PyBuffer<u8>,
    balancers: PyBuffer<i64>,
    seconds: PyBuffer<f64>,
}

/// Environments of one kind, stepped together. The Python classes around it describe arguments and results.
#[pyclass(frozen, module = "lb_gym._native")]
pub(crate) struct Fleet {
    setup: Arc<Setup>,
    count: usize,
    crew: Mutex<Crew>,
    arrays: Arrays,
    /// Whether every environment has been reset.
    is_ready: AtomicBool,
}

#[pymethods]
impl Fleet {
    /// Creates environments that write into `arrays`, in the order of their fields above.
    #[new]
    #[pyo3(signature = (case, *, count, threads, backends, decisions, reward, prior, autoreset, allocate))]
    #[expect(clippy::too_many_arguments, reason = "the Python class that calls it has names for all")]
    fn new(
        case: &str,
        count: usize,
        threads: usize,
        backends: Option<usize>,
        decisions: u64,
        reward: &str,
        prior: bool,
        autoreset: &str,
        allocate: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let source = Source::find(case)?;
        let most = source.most_backends();
        let backends = backends.unwrap_or(most);
        refuse(backends < most, || {
            format!("max_backends={backends} is too few: `{case}` has {most}; use {most} or more")
        })?;
        refuse(decisions == 0, || "decisions=0 is too few; use 1 or more".to_owned())?;
        refuse(count == 0, || "num_envs=0 is too few; use 1 or more".to_owned())?;
        let reward = match reward {
            "time" => RewardForm::Time,
            "per_request" => RewardForm::PerRequest,
            other => return Err(unknown("reward", other, "`time` or `per_request`")),
        };
        let autoreset = match autoreset {
            "NextStep" => Autoreset::NextStep,
            "SameStep" => Autoreset::SameStep,
            "Disabled" => Autoreset::Disabled,
            other => return Err(unknown("autoreset_mode", other, "`NextStep`, `SameStep` or `Disabled`")),
        };
        let setup = Arc::new(Setup { source, backends, decisions, reward, prior, autoreset });
        // The caller cannot know the sizes before.
        let sizes = (count, setup.backends, setup.width());
        let arrays = allocate.call1(sizes)?;
        let array = |place: usize| arrays.get_item(place);
        let arrays = Arrays {
            observations: PyBuffer::get(&array(0)?)?,
            finals: PyBuffer::get(&array(1)?)?,
            masks: PyBuffer::get(&array(2)?)?,
            rewards: PyBuffer::get(&array(3)?)?,
            terminated: PyBuffer::get(&array(4)?)?,
            truncated: PyBuffer::get(&array(5)?)?,
            redirected: PyBuffer::get(&array(6)?)?,
            balancers: PyBuffer::get(&array(7)?)?,
            seconds: PyBuffer::get(&array(8)?)?,
        };
        let crew = Crew::new(&setup, count, threads).map_err(|error| {
            PyRuntimeError::new_err(format!("failed to start {threads} threads: {error}"))
        })?;
        Ok(Self { setup, count, crew: Mutex::new(crew), arrays, is_ready: AtomicBool::new(false) })
    }

    /// Number of backends of an observation.
    #[getter]
    fn backends(&self) -> usize {
        self.setup.backends
    }

    /// Number of values per backend of an observation.
    #[getter]
    fn width(&self) -> usize {
        debug_assert!(self.setup.width() >= WIDTH);
        self.setup.width()
    }

    /// Begins new episodes of the environments for which `chosen` is true, or of all. An environment with a seed begins
    /// the first episode under it, the others their next one.
    #[pyo3(signature = (seeds, chosen=None))]
    fn reset(&self, py: Python<'_>, seeds: Vec<Option<u64>>, chosen: Option<Vec<bool>>) -> PyResult<()> {
        refuse(seeds.len() != self.count, || {
            format!("{} seeds are given, but there are {} environments", seeds.len(), self.count)
        })?;
        let chosen = chosen.unwrap_or_else(|| vec![true; self.count]);
        let resets: Vec<_> =
            seeds.into_iter().zip(chosen).map(|(seed, is_chosen)| is_chosen.then_some(seed)).collect();
        refuse(resets.len() != self.count, || {
            format!("the mask must have one value for each of {} environments", self.count)
        })?;
        let mut crew = self.lock()?;
        let all: &mut Crew = &mut crew;
        py.detach(|| all.reset(&resets)).map_err(PyRuntimeError::new_err)?;
        crew.chunks().try_for_each(|chunk| self.write(py, chunk))
    }

    /// Steps all environments.
    fn step(&self, py: Python<'_>, actions: PyBuffer<i64>) -> PyResult<()> {
        let actions = actions.to_vec(py)?;
        refuse(actions.len() != self.count, || {
            format!("{} actions are given, but there are {} environments", actions.len(), self.count)
        })?;
        let most = self.setup.backends as i64;
        if let Some(place) = actions.iter().position(|action| !(0..most).contains(action)) {
            let action = actions[place];
            return Err(PyValueError::new_err(format!(
                "action {action} of environment {place} must lie between 0 and {}",
                most - 1
            )));
        }
        let mut crew = self.lock()?;
        if self.setup.autoreset == Autoreset::Disabled || !self.is_ready.load(Ordering::Relaxed) {
            let waiting = crew.chunks().flat_map(|chunk| &chunk.seats).position(|seat| seat.must_be_reset());
            if let Some(place) = waiting {
                return Err(PyRuntimeError::new_err(format!(
                    "environment {place} has no episode under way; call `reset` first"
                )));
            }
            self.is_ready.store(true, Ordering::Relaxed);
        }
        let all: &mut Crew = &mut crew;
        py.detach(|| all.step(&actions)).map_err(PyRuntimeError::new_err)?;
        crew.chunks().try_for_each(|chunk| self.write(py, chunk))
    }

    /// Returns the requests of an environment that ended in the latest step: decision, backend, reward. Only with rewards
    /// per request.
    fn ended(&self, number: usize) -> PyResult<Vec<Ended>> {
        let crew = self.lock()?;
        let mut seats = crew.chunks().flat_map(|chunk| &chunk.seats);
        Ok(seats.nth(number).map(|seat| seat.ended.clone()).unwrap_or_default())
    }
}

impl Fleet {
    fn lock(&self) -> PyResult<MutexGuard<'_, Crew>> {
        // To wait would be a deadlock: who has the lock needs the interpreter's, which this thread holds.
        self.crew.try_lock().map_err(|error| {
            PyRuntimeError::new_err(match error {
                TryLockError::WouldBlock => {
                    "another thread steps these environments; give each thread its own"
                }
                TryLockError::Poisoned(_) => LOST,
            })
        })
    }

    /// Copies the results of a chunk into the arrays.
    fn write(&self, py: Python<'_>, chunk: &Chunk) -> PyResult<()> {
        let (arrays, out, from) = (&self.arrays, &chunk.out, chunk.range.start);
        let (observation, backends) = (self.setup.observation(), self.setup.backends);
        copy(py, &arrays.observations, from * observation, &out.observations)?;
        let has_ended = || out.terminated.iter().chain(&out.truncated).any(|has| *has > 0);
        if !out.finals.is_empty() && has_ended() {
            copy(py, &arrays.finals, from * observation, &out.finals)?;
        }
        copy(py, &arrays.masks, from * backends, &out.masks)?;
        copy(py, &arrays.rewards, from, &out.rewards)?;
        copy(py, &arrays.terminated, from, &out.terminated)?;
        copy(py, &arrays.truncated, from, &out.truncated)?;
        copy(py, &arrays.redirected, from, &out.redirected)?;
        copy(py, &arrays.balancers, from, &out.balancers)?;
        copy(py, &arrays.seconds, from, &out.seconds)
    }
}

/// Copies `values` into an array, from place `from` on.
fn copy<T: Element + Copy>(py: Python<'_>, array: &PyBuffer<T>, from: usize, values: &[T]) -> PyResult<()> {
    let cells = array.as_mut_slice(py).and_then(|cells| cells.get(from..from + values.len()));
    let cells: &[Cell<T>] = cells.ok_or_else(|| {
        PyValueError::new_err("the arrays must be contiguous, writable and of the asked-for sizes")
    })?;
    cells.iter().zip(values).for_each(|(cell, value)| cell.set(*value));
    Ok(())
}

fn refuse(is_wrong: bool, message: impl FnOnce() -> String) -> PyResult<()> {
    if is_wrong { Err(PyValueError::new_err(message())) } else { Ok(()) }
}

fn unknown(key: &str, value: &str, known: &str) -> PyErr {
    PyValueError::new_err(format!("{key}=`{value}` is unknown; use {known}"))
}

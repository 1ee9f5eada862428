//! Obeys the commands to a load without end, between two looks at it.

use super::load::Load;
use super::users::Users;
use crate::experiment::{Event, Observe, Stand, Steerable, clear_faults, put_in_fault};
use crate::steer::{Command, Desk, Wish};
use lb_continuous::ChangeKind;
use lb_core::{Algorithm, plain, with_causes};

impl Load {
    /// Returns the number of users that is aimed at; `None` if the load arrives by a rate, or takes no commands.
    pub(super) fn aim(&self) -> Option<u32> {
        self.users.as_ref().map(Users::aim)
    }

    /// Says which commands make sense for this load, on which `algorithm` is active, as far as that is known.
    pub(super) fn steerable(&self, stand: &Stand<'_>, algorithm: Option<String>) -> Event {
        let users = self.users.as_ref();
        Event::Steerable(Box::new(Steerable {
            users: users.map(Users::aim),
            most_users: users.map(Users::most),
            spawn_rate: users.and_then(Users::spawn_rate),
            algorithms: stand.algorithms().iter().map(ToString::to_string).collect(),
            algorithm,
            backends: stand.backends(),
            faults: stand.mocks().is_some(),
            pause: false,
            marks: true,
        }))
    }

    /// Obeys and answers the commands that wait.
    pub(super) async fn obey_all(&mut self, desk: &Desk, stand: &mut Stand<'_>, events: &dyn Observe) {
        while let Some(Command { id, wish }) = desk.take() {
            let answer = self.obey(wish, desk, stand, events).await;
            events.observe(&Event::answered(id, answer));
        }
    }

    /// Obeys a command. Returns what happens now, or why it is refused.
    async fn obey(
        &mut self,
        wish: Wish,
        desk: &Desk,
        stand: &mut Stand<'_>,
        events: &dyn Observe,
    ) -> Result<String, String> {
        match wish {
            Wish::Users(wish) => {
                let users = self.users.as_ref().ok_or(
                    "the load arrives by a rate, so it has no number of users; change the rate in the config",
                )?;
                let text = users.change(wish.users, wish.spawn_rate, wish.from)?;
                self.shared.change(ChangeKind::Users, &text);
                Ok(text)
            }
            Wish::Fault(wish) => {
                let text = format!("{}: {}", wish.backend, put_in_fault(desk, &wish, events).await?);
                self.shared.change(ChangeKind::Fault, &text);
                Ok(format!("{text}, from now on"))
            }
            Wish::ClearFaults => {
                let text = clear_faults(desk, events).await?;
                self.shared.change(ChangeKind::Fault, &text);
                Ok(text)
            }
            Wish::Algorithm(named) => self.switch(&named, stand, events).await,
            Wish::Mark(request) => {
                let mark = self.shared.mark(&request).map_err(|error| error.to_string())?;
                Ok(format!("mark `{}` set after {:.0} s", plain::line(&mark.name), mark.at_s))
            }
            Wish::Pause | Wish::Resume => {
                Err("a load without end does not pause; ask for 0 users, or stop it and start it again"
                    .to_owned())
            }
            Wish::Stop => Err("`stop` is obeyed at once".to_owned()),
        }
    }

    /// Switches the load balancer, and tells `events` which algorithm is active then.
    async fn switch(
        &mut self,
        named: &str,
        stand: &mut Stand<'_>,
        events: &dyn Observe,
    ) -> Result<String, String> {
        let offered = stand.algorithms();
        if offered.is_empty() {
            return Err("this load balancer is measured as it is and cannot be switched".to_owned());
        }
        let algorithm = named.parse::<Algorithm>().map_err(|error| with_causes(&error))?;
        if !offered.contains(&algorithm) {
            let names: Vec<String> = offered.iter().map(ToString::to_string).collect();
            return Err(format!(
                "the load balancer does not offer `{algorithm}`; use one of {}",
                names.join(", ")
            ));
        }
        match stand.switch(algorithm).await {
            Ok(said) => {
                if let Some(watching) = &mut self.watching {
                    watching.set_algorithm(algorithm.to_string());
                }
                events.observe(&self.steerable(stand, Some(algorithm.to_string())));
                let text = format!("the load balancer was switched to {algorithm}; {said}");
                self.shared.change(ChangeKind::Algorithm, &text);
                Ok(text)
            }
            Err(error) => {
                let text = format!("switching to {algorithm} failed: {}", error.chain());
                self.shared.change(ChangeKind::Algorithm, &text);
                Err(text)
            }
        }
    }
}

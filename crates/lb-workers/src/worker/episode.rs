//! Plays an episode of a training run, and answers with what came of it.

use crate::exchange::Exchange;
use async_nats::Message;
use lb_cases::episode::{Episode, Outcome};

/// Plays the episode that a leader asks for.
pub(super) async fn answer(exchange: Exchange, question: Message) {
    let payload = question.payload.clone();
    let playing =
        tokio::task::spawn_blocking(move || Ok::<Outcome, String>(Episode::from_bytes(&payload)?.play()));
    let outcome = playing.await.unwrap_or_else(|error| Err(format!("it failed: {error}")));
    if let Ok(text) = serde_json::to_string(&outcome) {
        exchange.answer(question, text).await;
    }
}

//! The connection to a NATS server: messages, and objects that are kept.

use crate::address::Address;
use crate::message::{FromLeader, FromWorker, episodes_of};
use async_nats::connection::State;
use async_nats::jetstream::object_store::{self, ObjectStore};
use async_nats::jetstream::{self, Context};
use async_nats::jetstream::{kv, stream};
use async_nats::{Client, ConnectOptions, Request, Subscriber};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use lb_cases::episode::Outcome;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Read;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt as _;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest time that a worker may take for an episode.
const PLAYING: Duration = Duration::from_secs(120);

/// How often the server is asked whether it is there; one that does not answer twice counts as away.
const PING: Duration = Duration::from_secs(1);

/// The pause before another attempt at what failed.
const RETRY: Duration = Duration::from_millis(250);

/// How long it is tried again to hand over or to fetch what must not be lost.
const INSISTENCE: Duration = Duration::from_secs(10);

/// How long the server keeps objects that nobody removed: those of leaders that were killed.
const KEEP: Duration = Duration::from_secs(6 * 3600);

/// The most bytes of an object once it is unpacked.
const MOST_BYTES: u64 = 4 << 30;

/// A connection to a NATS server. Clones share it.
#[derive(Clone)]
pub(crate) struct Exchange {
    client: Client,
    context: Context,
    store: ObjectStore,
    pub(crate) address: Address,
}

impl Exchange {
    /// Connects to the server, and opens or makes the bucket for objects.
    pub(crate) async fn connect(address: &Address, who: &str) -> Result<Self, String> {
        let mut options = ConnectOptions::new().name(who).connection_timeout(PATIENCE).ping_interval(PING);
        // A server that is started again is found soon.
        options = options.reconnect_delay_callback(|_| RETRY);
        if let Some((user, password)) = address.credentials() {
            options = options.user_and_password(user, password);
        }
        if let Some(file) = std::env::var_os("NATS_CREDS") {
            options = options.credentials_file(&file).await.map_err(|error| {
                format!("failed to read `{}`, which NATS_CREDS names: {error}", file.display())
            })?;
        }
        if let Some(file) = std::env::var_os("NATS_CA") {
            options = options.add_root_certificates(file.into());
        }
        let connecting = tokio::time::timeout(PATIENCE, options.connect(address.server.clone())).await;
        let client = match connecting {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => {
                return Err(format!(
                    "failed to reach the NATS server {address}: {error}; start one with `nats-server -js`"
                ));
            }
            Err(_) => return Err(format!("the NATS server {address} did not answer within 10 s")),
        };
        let context = jetstream::new(client.clone());
        let config = object_store::Config {
            bucket: format!("bench-{}", address.name),
            description: Some("plans and records of bench".to_owned()),
            max_age: KEEP,
            ..object_store::Config::default()
        };
        let store = context.create_object_store(config).await.map_err(|error| {
            format!("the NATS server {address} cannot store plans and results ({error}); start it with JetStream: `nats-server -js`")
        })?;
        Ok(Self { client, context, store, address: address.clone() })
    }

    /// Returns whether the server can be reached now.
    pub(crate) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Returns the full name of a subject.
    fn subject(&self, rest: &str) -> String {
        format!("bench.{}.{rest}", self.address.name)
    }

    /// Receives everything on a subject.
    pub(crate) async fn subscribe(&self, rest: &str) -> Result<Subscriber, String> {
        let subscriber = self.client.subscribe(self.subject(rest)).await;
        let subscriber = subscriber.map_err(|error| self.failed(&error))?;
        // Whoever is told of it next may rely on it.
        self.flush().await?;
        Ok(subscriber)
    }

    /// Tells all workers, or one.
    pub(crate) async fn tell(&self, worker: Option<&str>, said: &FromLeader) -> Result<(), String> {
        let to = worker.map_or_else(|| "workers".to_owned(), |id| format!("worker.{id}"));
        self.publish(&to, said).await
    }

    /// Tells the leader.
    pub(crate) async fn report(&self, said: &FromWorker) -> Result<(), String> {
        self.publish("leader", said).await
    }

    async fn publish(&self, rest: &str, said: &impl Serialize) -> Result<(), String> {
        let payload =
            serde_json::to_vec(said).map_err(|error| format!("failed to write a message: {error}"))?;
        let sending = async {
            self.client
                .publish(self.subject(rest), payload.into())
                .await
                .map_err(|error| self.failed(&error))?;
            self.flush().await
        };
        tokio::time::timeout(PATIENCE, sending).await.map_err(|_| self.silent())?
    }

    /// Asks for the leader's clock.
    pub(crate) async fn leaders_clock(&self) -> Result<u64, String> {
        let answer = self.client.request(self.subject("clock"), Bytes::new()).await;
        let answer = answer.map_err(|error| self.failed(&error))?;
        let read = std::str::from_utf8(&answer.payload).ok().and_then(|text| text.parse().ok());
        read.ok_or_else(|| "the leader's clock gave no number".to_owned())
    }

    /// Gives a worker an episode, and returns what came of it, or why the worker cannot play it.
    ///
    /// # Errors
    /// There is no answer.
    pub(crate) async fn ask(
        &self,
        worker: &str,
        episode: Vec<u8>,
    ) -> Result<Result<Outcome, String>, String> {
        let request = Request::new().payload(episode.into()).timeout(Some(PLAYING));
        let answer = self.client.send_request(self.subject(&episodes_of(worker)), request).await;
        let answer = answer.map_err(|error| self.failed(&error))?;
        serde_json::from_slice(&answer.payload).map_err(|error| format!("failed to read an answer: {error}"))
    }

    /// Answers a question.
    pub(crate) async fn answer(&self, question: async_nats::Message, answer: String) {
        if let Some(inbox) = question.reply {
            // Who asked and gets no answer asks again.
            let _ = self.client.publish(inbox, answer.into()).await;
            let _ = self.client.flush().await;
        }
    }

    /// Keeps a value as an object.
    pub(crate) async fn put(&self, name: &str, value: &impl Serialize) -> Result<(), String> {
        self.put_bytes(name, deflate(value)?).await
    }

    /// Keeps bytes as an object.
    pub(crate) async fn put_bytes(&self, name: &str, packed: Vec<u8>) -> Result<(), String> {
        self.store.put(name, &mut &packed[..]).await.map_err(|error| self.failed(&error))?;
        Ok(())
    }

    /// Reads an object.
    pub(crate) async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        inflate(&self.get_bytes(name).await?)
    }

    /// Reads the bytes of an object.
    pub(crate) async fn get_bytes(&self, name: &str) -> Result<Vec<u8>, String> {
        let mut object = self.store.get(name).await.map_err(|error| self.failed(&error))?;
        let mut packed = Vec::new();
        let read = tokio::time::timeout(PATIENCE * 6, object.read_to_end(&mut packed)).await;
        read.map_err(|_| self.silent())?.map_err(|error| self.failed(&error))?;
        Ok(packed)
    }

    /// Removes an object that nobody needs any more.
    pub(crate) async fn remove(&self, name: &str) {
        // What is left behind is removed by the server when it is old.
        let _ = self.store.delete(name).await;
    }

    /// Opens or makes a bucket whose values vanish when they are older than `max_age`.
    pub(crate) async fn values(&self, what: &str, max_age: Duration) -> Result<kv::Store, String> {
        let bucket = format!("bench-{}-{what}", self.address.name);
        // The client library asks servers for their account before it makes a bucket, in a way that servers before 2.10
        // do not answer. So this is made as it would make it.
        let config = stream::Config {
            name: format!("KV_{bucket}"),
            subjects: vec![format!("$KV.{bucket}.>")],
            max_messages_per_subject: 1,
            max_age,
            duplicate_window: max_age.min(MOST_DUPLICATE_WINDOW),
            discard: stream::DiscardPolicy::New,
            num_replicas: 1,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            ..stream::Config::default()
        };
        self.context.get_or_create_stream(config).await.map_err(|error| self.failed(&error))?;
        self.context.get_key_value(bucket).await.map_err(|error| self.failed(&error))
    }

    pub(crate) async fn flush(&self) -> Result<(), String> {
        let flushing = tokio::time::timeout(PATIENCE, self.client.flush()).await;
        flushing.map_err(|_| self.silent())?.map_err(|error| self.failed(&error))
    }

    /// Says that the server refused something.
    pub(crate) fn failed(&self, error: &(dyn std::error::Error + 'static)) -> String {
        format!("the NATS server {}: {}", self.address, lb_core::with_causes(error))
    }

    fn silent(&self) -> String {
        format!("the NATS server {} does not answer", self.address)
    }
}

/// Tries again for a while what failed.
///
/// # Errors
/// It fails still.
pub(crate) async fn insist<T, F: Future<Output = Result<T, String>>>(
    attempt: impl Fn() -> F,
) -> Result<T, String> {
    let begun = Instant::now();
    loop {
        match attempt().await {
            Err(_) if begun.elapsed() < INSISTENCE => tokio::time::sleep(RETRY).await,
            done => return done,
        }
    }
}

/// The window in which a server recognises a message that is sent twice; it must not be longer than messages are kept.
const MOST_DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Writes a value as compressed JSON.
pub(crate) fn deflate(value: &impl Serialize) -> Result<Vec<u8>, String> {
    let text = serde_json::to_vec(value).map_err(|error| format!("failed to write JSON: {error}"))?;
    let mut packed = Vec::new();
    let written = ZlibEncoder::new(&text[..], Compression::fast()).read_to_end(&mut packed);
    written.map_err(|error| format!("failed to compress: {error}"))?;
    Ok(packed)
}

/// Reads a value from compressed JSON.
pub(crate) fn inflate<T: DeserializeOwned>(packed: &[u8]) -> Result<T, String> {
    let mut text = Vec::new();
    let read = ZlibDecoder::new(packed).take(MOST_BYTES).read_to_end(&mut text);
    read.map_err(|error| format!("failed to decompress an object: {error}"))?;
    serde_json::from_slice(&text).map_err(|error| format!("failed to read an object: {error}"))
}

//! What becomes of a client's connection after a reply: another request, its end, or another protocol.

use super::Downstream;
use crate::proxy::client::Client;
use crate::proxy::transport::Transport;
use lb_listen::Prefixed;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite;

/// How long a client may go on sending after a reply that ends the connection before the end of its request.
const LINGER: Duration = Duration::from_secs(2);

impl Downstream {
    /// Makes room for the next request after a reply that was sent completely.
    pub(crate) fn finish(&mut self) {
        self.request.clear();
        self.client.rest(self.thread.coarse());
    }

    /// Ends the connection so that the client can read what it was sent: a system that gets bytes for a closed
    /// connection answers with a reset, which may overtake them.
    pub(crate) async fn close(mut self) {
        self.client.rest(self.thread.coarse());
        let closing = std::future::poll_fn(|cx| self.poll_close(cx));
        let _ = tokio::time::timeout(LINGER, closing).await;
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if ready!(self.poll_write(cx)).is_err()
            || ready!(Pin::new(&mut self.stream).poll_shutdown(cx)).is_err()
        {
            return Poll::Ready(());
        }
        while !self.ended && !self.client.close.get() {
            self.input.clear();
            match ready!(self.poll_fill(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
        Poll::Ready(())
    }

    /// Breaks the connection off, so that what was sent is not taken for a whole reply, even by a client that
    /// knows the end of a reply only by the end of the connection.
    pub(crate) fn break_off(self) {
        self.stream.break_off();
    }

    /// Returns the stream as it was before anything was read from it, for another protocol.
    pub(crate) fn rewind(self) -> (Prefixed<Transport>, Rc<Client>) {
        (Prefixed::new(self.input.freeze(), self.stream), self.client)
    }
}

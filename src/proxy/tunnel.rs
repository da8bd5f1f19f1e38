//! After `101 Switching Protocols`, the connection is no longer HTTP: bytes go both ways until both ends are done.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::server::Lease;

/// Joins the two connections once both have left HTTP.
///
/// A tunnel outlives the request that opened it, so it holds a [`Lease`] on the server: shutting down waits for it
/// as for any other reply, up to the same deadline.
pub(super) fn spawn(client: OnUpgrade, bot: OnUpgrade, lease: Option<Lease>) {
    tokio::spawn(async move {
        let over = async {
            match lease {
                Some(mut lease) => lease.expired().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            outcome = run(client, bot) => if let Err(error) = outcome {
                tracing::debug!(%error, "tunnel broke");
            },
            () = over => {}
        }
    });
}

async fn run(client: OnUpgrade, bot: OnUpgrade) -> Result<(), super::BoxError> {
    let (client, bot) = tokio::try_join!(client, bot)?;
    copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(bot)).await?;
    Ok(())
}

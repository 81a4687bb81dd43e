//! `list-zones`: the hosted zones of Route 53, with the credentials that the stack's records are made with.

use serde_json::json;

use crate::cli::ListZonesArgs;
use crate::error::{Error, ExitStatus};
use crate::ops::zones;
use crate::render;

use super::{App, failure};

/// Reads and shows.
pub async fn run(app: &App, args: &ListZonesArgs) -> Result<ExitStatus, Error> {
    let session = app.session().await?;
    let domain = args.domain.as_deref();
    let found = zones::list(&session.aws, domain).await.map_err(|error| failure::call(&error))?;
    let title =
        domain.map_or_else(|| "hosted zones".to_owned(), |domain| format!("hosted zones for {domain}"));
    let value = json!({"domain": domain, "zones": found});
    app.document(Some(&session), &render::daily::zones(title, &found), &value)?;
    Ok(ExitStatus::Done)
}

//! `preflight`: whether this account and these credentials can carry a stack. Needs no stack file.

use serde_json::json;

use crate::access::preflight::{self, Parts};
use crate::aws::Options;
use crate::cli::PreflightArgs;
use crate::error::{Error, ExitStatus};
use crate::lookup::survey::{self, Wanted};
use crate::model::Readiness;
use crate::render::readiness;

use super::App;

/// Looks, shows, and exits with 0 when all is well, 1 when something is in doubt, 2 when something is missing.
pub async fn run(app: &App, args: &PreflightArgs) -> Result<ExitStatus, Error> {
    let parts = Parts { https: !args.no_https, dns: !args.no_dns, secrets: !args.no_secrets };
    let dns_profile = app.cli.global.route53_profile.clone();
    let connection = app.connection_of(&Options { dns_profile, ..app.options() }).await?;
    let region = connection.region().to_owned();
    let (account, findings) = match connection.identify().await {
        Ok(aws) => {
            let wanted = Wanted { https: parts.https, dns: parts.dns };
            let survey = survey::survey(&aws, &aws.caller, wanted).await;
            (aws.account, preflight::rows(&survey, parts))
        }
        Err(error) => {
            let error = super::failure::connect(&error);
            let why = std::iter::once(error.message()).chain(error.causes().iter().map(String::as_str));
            (String::new(), preflight::without_credentials(&why.collect::<Vec<_>>().join(": ")))
        }
    };
    let kinds = preflight::kinds(&findings, parts);
    let found = Readiness { account, region, findings, kinds };
    app.document(None, &readiness::preflight(&found), &json!(found))?;
    // The numbers of App::FargateStack's checker.
    Ok(match preflight::exit(&found.findings) {
        0 => ExitStatus::Done,
        1 => ExitStatus::Failed,
        _ => ExitStatus::Usage,
    })
}

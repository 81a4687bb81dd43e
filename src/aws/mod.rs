//! The AWS SDK: clients, one way to make a call, its errors, waits, and the inventory by tag. Knows no kind.

mod batch;
mod clients;
mod error;
pub mod inventory;
mod op;
pub mod together;
mod wait;

pub use batch::{Answer, Batcher};
pub use clients::{Aws, ConnectError, Connection, Options};
pub use error::{absent, absent_definition, call_error};
pub use op::{Retry, call, retrying};
pub use wait::{Tell, WAIT_LIMIT, now, patiently, pause, until, watching};

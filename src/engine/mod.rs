//! Plan and apply over JSON: knows neither AWS nor any kind.

mod driver;

pub use driver::{BoxFuture, Driver, Registry};

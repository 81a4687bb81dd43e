//! A release after its apply: watching rollouts to their verdict, the cause of a failure, history, rollback.

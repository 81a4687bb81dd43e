//! GitHub: strings only, never a `Plan`.

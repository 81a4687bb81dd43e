//! View models + templates → text.

//! Calls to addresses that somebody else named: guarded, bounded, and without redirects.

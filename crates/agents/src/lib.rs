//! Agent command lines as child processes: one adapter a file.

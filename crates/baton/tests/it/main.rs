//! Baton from outside: the real binary, over HTTP and on its standard streams.

mod house;

//! Each runner's real output, read; and what must not be read.

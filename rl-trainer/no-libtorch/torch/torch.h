// Found only where libtorch is not (.cargo/config.toml puts this folder behind all others): the crate
// torch-sys would stop with a missing header and not say how to get it. The file below does not exist.
#include <libtorch is missing: run `cargo xtask libtorch`>

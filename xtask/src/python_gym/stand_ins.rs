//! Libraries that stand in for those of NVIDIA, so that PyTorch loads on a machine without a GPU.
//!
//! PyTorch's wheel for Linux on x86-64 is linked to libraries of NVIDIA (1.9 GB) with or without a GPU, and calls them only
//! with one. A stand-in has the name of such a library and its functions, which abort. The C compiler makes it, as it does
//! everything else here.

use crate::python::succeeds;
use anyhow::{Context, ensure};
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{Dyn, ElfFile64, FileHeader};
use object::{Endianness, Object, ObjectSymbol};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How names of the libraries begin that get a stand-in.
const LIBRARIES: [&str; 9] = [
    "libcublas",
    "libcudnn",
    "libcufft",
    "libcufile",
    "libcurand",
    "libcusparse",
    "libnccl",
    "libnvrtc",
    "libnvshmem",
];

/// How the names of their functions begin.
const FUNCTIONS: [&str; 9] =
    ["cublas", "cudnn", "cufft", "cuFile", "curand", "cusparse", "nccl", "nvrtc", "nvshmem"];

/// The libraries of PyTorch that are loaded with it.
const LOADED: [&str; 3] = ["libtorch_cuda.so", "libtorch_nvshmem.so", "libtorch_python.so"];

/// Makes the stand-ins that the PyTorch of `python` needs, beside its own libraries. Does nothing if that PyTorch is not
/// linked to such libraries, as on other processors.
///
/// # Errors
/// PyTorch is not installed, the C compiler fails, or PyTorch does not load afterwards.
pub(super) fn make(python: &Path, scratch: &Path) -> anyhow::Result<()> {
    let folder = libraries_of_torch(python)?;
    let (mut needed, mut functions) = (BTreeSet::new(), BTreeSet::new());
    for library in LOADED {
        let path = folder.join(library);
        if path.exists() {
            let bytes = fs::read(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
            read(&bytes, &mut needed, &mut functions)
                .with_context(|| format!("failed to read `{library}`"))?;
        }
    }
    let source = scratch.join("stand_ins.c");
    let mut text = String::new();
    for name in &functions {
        writeln!(text, "void {name}(void) {{ __builtin_trap(); }}")?;
    }
    fs::write(&source, text).with_context(|| format!("failed to write `{}`", source.display()))?;
    for library in needed {
        // The functions of all libraries are in each: which one has which does not matter to the loader.
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-nostdlib", "-w", "-o"]).arg(folder.join(&library));
        compiler.arg(format!("-Wl,-soname,{library}")).arg(&source);
        ensure!(succeeds(&mut compiler)?, "the stand-in for `{library}` cannot be compiled");
    }
    let mut check = Command::new(python);
    check.args(["-c", "import torch; assert torch.ones(2).sum() == 2"]);
    ensure!(succeeds(&mut check)?, "PyTorch does not load with the stand-ins for libraries of NVIDIA");
    Ok(())
}

fn libraries_of_torch(python: &Path) -> anyhow::Result<PathBuf> {
    let say = "import sysconfig; print(sysconfig.get_path('platlib'), end='')";
    let output = Command::new(python).args(["-c", say]).output().context("failed to start Python")?;
    let folder = Path::new(String::from_utf8_lossy(&output.stdout).as_ref()).join("torch/lib");
    ensure!(folder.is_dir(), "PyTorch has no folder `{}`", folder.display());
    Ok(folder)
}

/// Adds the libraries and functions of NVIDIA that a library asks for.
fn read(
    bytes: &[u8],
    libraries: &mut BTreeSet<String>,
    functions: &mut BTreeSet<String>,
) -> anyhow::Result<()> {
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    if let Some((entries, link)) = sections.dynamic(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        for entry in entries.iter().filter(|entry| entry.d_tag(endian) == DT_NEEDED) {
            let name = String::from_utf8_lossy(entry.string(endian, strings)?).into_owned();
            if LIBRARIES.iter().any(|start| name.starts_with(start)) {
                libraries.insert(name);
            }
        }
    }
    let file = ElfFile64::<Endianness>::parse(bytes)?;
    for symbol in file.dynamic_symbols().filter(ObjectSymbol::is_undefined) {
        let name = symbol.name()?;
        if FUNCTIONS.iter().any(|start| name.starts_with(start)) {
            functions.insert(name.to_owned());
        }
    }
    Ok(())
}

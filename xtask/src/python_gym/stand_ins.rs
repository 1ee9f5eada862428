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
use std::collections::{BTreeMap, BTreeSet};
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
    let mut needed = Needed::default();
    for library in LOADED {
        let path = folder.join(library);
        if path.exists() {
            let bytes = fs::read(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
            read(&bytes, &mut needed).with_context(|| format!("failed to read `{library}`"))?;
        }
    }
    let source = scratch.join("stand_ins.c");
    let mut text = String::new();
    for name in &needed.functions {
        writeln!(text, "void {name}(void) {{ __builtin_trap(); }}")?;
    }
    fs::write(&source, text).with_context(|| format!("failed to write `{}`", source.display()))?;
    for (library, versions) in needed.libraries {
        // The functions of all libraries are in each: which one has which does not matter to the loader.
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-nostdlib", "-w", "-o"]).arg(folder.join(&library));
        compiler.arg(format!("-Wl,-soname,{library}")).arg(&source);
        if !versions.is_empty() {
            // The loader insists on versions that it was promised. All functions have the first one.
            let mut versions = versions.iter();
            let first = versions.next().map(|version| format!("{version} {{ global: *; }};\n"));
            let script: String =
                first.into_iter().chain(versions.map(|version| format!("{version} {{}};\n"))).collect();
            let path = scratch.join(format!("{library}.versions"));
            fs::write(&path, script).with_context(|| format!("failed to write `{}`", path.display()))?;
            compiler.arg(format!("-Wl,--version-script={}", path.display()));
        }
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

/// What PyTorch asks NVIDIA's libraries for.
#[derive(Default)]
struct Needed {
    /// The versions of each library's functions, by the library's name; none if they have no versions.
    libraries: BTreeMap<String, BTreeSet<String>>,
    functions: BTreeSet<String>,
}

fn is_of_nvidia(library: &str) -> bool {
    LIBRARIES.iter().any(|start| library.starts_with(start))
}

/// Adds the libraries and functions of NVIDIA that a library asks for.
fn read(bytes: &[u8], needed: &mut Needed) -> anyhow::Result<()> {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    if let Some((entries, link)) = sections.dynamic(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        for entry in entries.iter().filter(|entry| entry.d_tag(endian) == DT_NEEDED) {
            let name = text(entry.string(endian, strings)?);
            if is_of_nvidia(&name) {
                needed.libraries.entry(name).or_default();
            }
        }
    }
    if let Some((mut files, link)) = sections.gnu_verneed(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        while let Some((file, mut versions)) = files.next()? {
            let name = text(file.file(endian, strings)?);
            if !is_of_nvidia(&name) {
                continue;
            }
            let known = needed.libraries.entry(name).or_default();
            while let Some(version) = versions.next()? {
                known.insert(text(version.name(endian, strings)?));
            }
        }
    }
    let file = ElfFile64::<Endianness>::parse(bytes)?;
    for symbol in file.dynamic_symbols().filter(ObjectSymbol::is_undefined) {
        let name = symbol.name()?;
        if FUNCTIONS.iter().any(|start| name.starts_with(start)) {
            needed.functions.insert(name.to_owned());
        }
    }
    Ok(())
}

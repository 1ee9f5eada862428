//! Unpacks wheels. A wheel is a zip archive of the files that Python would have below `site-packages` (PyPA,
//! binary distribution format). That layout is kept because libraries find each other by relative paths.

use super::Device;
use anyhow::{Context, bail};
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;
use zip::ZipArchive;

/// The libraries that libtorch loads on a CPU. It is linked to two of NVIDIA's with or without a GPU.
const CPU: [&str; 5] = [
    "torch/lib/libtorch_cpu.so",
    "torch/lib/libc10.so",
    "torch/lib/libgomp.so.1",
    "nvidia/cu13/lib/libcudart.so.13",
    "nvidia/cu13/lib/libcupti.so.13",
];

/// The Python bindings, which need a Python interpreter in the process.
const BINDINGS: &str = "torch/lib/libtorch_python.so";

/// Returns whether builds for `device` need a file of a wheel: they need headers and shared libraries.
fn wanted(name: &str, device: Device) -> bool {
    if name.ends_with('/') {
        return false;
    }
    if name.starts_with("torch/include/") {
        return true;
    }
    match device {
        Device::Cpu => CPU.contains(&name),
        Device::Cuda => {
            let (folder, file) = name.rsplit_once('/').unwrap_or_default();
            let library = file.ends_with(".so") || file.contains(".so.");
            let package =
                folder == "torch/lib" || (folder.starts_with("nvidia/") && folder.ends_with("/lib"));
            library && package && name != BINDINGS
        }
    }
}

/// Unpacks the files of a wheel that are needed into `tree`.
///
/// # Errors
/// The wheel cannot be read, holds none of the files that are needed, or the disk is full.
pub(super) fn unpack(wheel: &Path, tree: &Path, device: Device) -> anyhow::Result<()> {
    let broken = || format!("failed to unpack `{}`", wheel.display());
    let name = wheel.file_name().unwrap_or_default().to_string_lossy();
    lb_io::complain(format_args!("unpacking {name}"));
    let file = BufReader::new(File::open(wheel).with_context(broken)?);
    let mut archive = ZipArchive::new(file).with_context(broken)?;
    let mut unpacked = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).with_context(broken)?;
        let inside = entry.name().with_context(broken)?.into_owned();
        if !wanted(&inside, device) {
            continue;
        }
        let Some(path) = entry.enclosed_name() else {
            bail!("`{}` contains a file whose path lies outside the archive: `{}`", wheel.display(), inside);
        };
        let path = tree.join(path);
        let failed = || format!("failed to write `{}`", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(failed)?;
        }
        io::copy(&mut entry, &mut File::create(&path).with_context(failed)?).with_context(failed)?;
        unpacked += 1;
    }
    if unpacked == 0 {
        bail!("`{}` holds none of the files that are needed", wheel.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    #[test]
    fn headers_and_the_libraries_of_the_device_are_wanted() {
        let table: &[(&str, bool, bool)] = &[
            ("torch/include/torch/csrc/api/include/torch/torch.h", true, true),
            ("torch/include/", false, false),
            ("torch/lib/libtorch_cpu.so", true, true),
            ("torch/lib/libtorch.so", false, true),
            ("torch/lib/libtorch_cuda.so", false, true),
            ("torch/lib/libtorch_python.so", false, false),
            ("torch/_C.cpython-312-x86_64-linux-gnu.so", false, false),
            ("torch/nn/modules/linear.py", false, false),
            ("nvidia/cu13/lib/libcudart.so.13", true, true),
            ("nvidia/cu13/lib/libcudart_static.a", false, false),
            ("nvidia/cu13/include/cuda_runtime.h", false, false),
            ("nvidia/cudnn/lib/libcudnn.so.9", false, true),
        ];
        for (name, cpu, cuda) in table {
            assert_eq!(wanted(name, Device::Cpu), *cpu, "for a CPU: {name}");
            assert_eq!(wanted(name, Device::Cuda), *cuda, "with CUDA: {name}");
        }
    }

    #[test]
    fn only_what_is_wanted_is_unpacked_in_the_layout_of_the_wheel() {
        let folder = tempfile::tempdir().expect("a folder");
        let (wheel, tree) = (folder.path().join("torch.whl"), folder.path().join("tree"));
        let pack = |names: &[&str]| {
            let mut archive = ZipWriter::new(File::create(&wheel).expect("a file"));
            for name in names {
                archive.start_file(*name, SimpleFileOptions::default()).expect("an entry");
                archive.write_all(name.as_bytes()).expect("its content");
            }
            archive.finish().expect("an archive");
        };

        pack(&["torch/lib/libc10.so", "torch/__init__.py"]);
        unpack(&wheel, &tree, Device::Cpu).expect("the wheel can be unpacked");
        let kept = fs::read_to_string(tree.join("torch/lib/libc10.so")).expect("the library is unpacked");
        assert_eq!(kept, "torch/lib/libc10.so", "with its content");
        assert!(!tree.join("torch/__init__.py").exists(), "Python's files are not needed");

        pack(&["torch/__init__.py"]);
        let fault = unpack(&wheel, &tree, Device::Cpu).expect_err("this is no torch").to_string();
        assert!(fault.contains("none of the files"), "a wheel of another layout is not taken: {fault}");

        let whole = fs::read(&wheel).expect("the wheel");
        fs::write(&wheel, &whole[..whole.len() / 2]).expect("a file");
        let fault = unpack(&wheel, &tree, Device::Cpu).expect_err("it is truncated").to_string();
        assert!(fault.contains("torch.whl"), "the broken file is named: {fault}");
    }
}

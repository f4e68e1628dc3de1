# A package of Spack, built from the clone that this file lies in: docs/install.md.
import os

from spack.package import *


class Plateau(CMakePackage):
    """Parameter server that trains multimodal recommenders to flat minima,
    for people who run mpirun and sbatch and for researchers who train on one
    machine."""

    git = "file://" + os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 4))

    license("Apache-2.0")

    version("main", branch="main")

    variant("openblas", default=False, description="Matrix products by OpenBLAS instead of oneDNN")

    depends_on("c", type="build")
    depends_on("cmake@3.24:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")

    depends_on("mpi")
    depends_on("libzmq@4.3:")
    depends_on("protobuf-c@1.3:")
    depends_on("libyaml")
    depends_on("jansson@2.12:")
    depends_on("hdf5")
    depends_on("xxhash@0.8:")
    depends_on("onednn", when="~openblas")
    depends_on("openblas", when="+openblas")

    generator("ninja")

    def cmake_args(self):
        products = "openblas" if self.spec.satisfies("+openblas") else "onednn"
        return [self.define("PLATEAU_TESTS", False), self.define("PLATEAU_PRODUCTS", products)]

    @run_after("install")
    @on_package_attributes(run_tests=True)
    def check_version(self):
        Executable(self.prefix.bin.plateau)("--version")

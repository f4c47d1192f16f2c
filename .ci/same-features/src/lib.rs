//! Nothing. Cargo gives a dependency the features that all packages of one build ask for. If a build of the binaries alone includes this
//! package, their dependencies get the features that the test libraries ask for too, so they are not compiled once more.

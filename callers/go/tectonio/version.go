package tectonio

// Version is the version of this package; the program beam-tecton that it starts must have the same one.
const Version = "0.1.0"

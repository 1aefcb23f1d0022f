// Placeholder until the kernels land in this same session.

"""Whether a node runs WebAssembly by Spin: from the extension on it to an HTTP answer, level by level."""

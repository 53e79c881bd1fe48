// Names of files that more than one step looks at.

export const TOKEN_FILE = /^checkpoints\/(0|[1-9][0-9]{0,18})\.([A-Za-z0-9][A-Za-z0-9._-]*)\.tsr$/;

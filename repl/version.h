// SPDX-License-Identifier: MIT
#ifndef MW_REPL_VERSION_H
#define MW_REPL_VERSION_H

#define MW_VERSION "0.1.0"

#endif

// SPDX-License-Identifier: MIT
/** What lies inside a type: members, enumerators, dimensions. */
#ifndef MW_SYMBOLS_TYPE_MEMBERS_H
#define MW_SYMBOLS_TYPE_MEMBERS_H

#include "symbols/type.h"

/** Reads the members and bases of a struct, class or union; what cannot be right is left out. */
void mw_type_members_load(struct mw_type *type);

/** Bytes of a member; for a bit-field those its bits lie in. */
uint64_t mw_member_size(const struct mw_member *member);

void mw_type_enumerators_load(struct mw_type *type);

/** Makes @type an array of @element, with an array inside for each further dimension. */
void mw_type_dimensions_load(struct mw_type *type, const struct mw_type *element);

#endif

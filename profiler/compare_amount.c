// SPDX-License-Identifier: MIT
#include "profiler/compare_amount.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

struct unit {
	const char *name;
	double factor;
};

struct units {
	const struct unit *list;
	size_t count;
	int (*compare)(const char *a, const char *b);
};

static const struct unit size_units[] = {
	{"", 1.0 / 1024},   {"B", 1.0 / 1024},   {"K", 1},         {"kB", 1},
	{"KiB", 1},         {"M", 1024},         {"MB", 1024},     {"MiB", 1024},
	{"G", 1048576},     {"GB", 1048576},     {"GiB", 1048576}, {"T", 1073741824},
	{"TB", 1073741824}, {"TiB", 1073741824},
};

static const struct unit duration_units[] = {
	{"", 1}, {"s", 1}, {"ms", 0.001}, {"m", 60}, {"min", 60}, {"h", 3600},
};

static const struct unit count_units[] = {{"", 1}};

static const struct unit percent_units[] = {{"%", 1}};

static const struct units sizes = {size_units, mw_array_size(size_units), strcasecmp};
// 5M is a size that got into the wrong place, not five minutes.
static const struct units durations = {duration_units, mw_array_size(duration_units), strcmp};
static const struct units counts = {count_units, mw_array_size(count_units), strcmp};
static const struct units percents = {percent_units, mw_array_size(percent_units), strcmp};

static const struct unit *find_unit(const struct units *units, const char *name)
{
	for (size_t i = 0; i < units->count; i++) {
		if (!units->compare(units->list[i].name, name))
			return &units->list[i];
	}
	return NULL;
}

/** @return false when @text isn't a non-negative number followed by one of @units. */
static bool parse_amount(const char *text, const struct units *units, double *ret)
{
	const struct unit *unit;
	char *end;
	double number;

	// strtod also takes "inf", "nan", hex and signs: none of them is an amount.
	if (!isdigit((unsigned char)text[0]) || !strncasecmp(text, "0x", 2))
		return false;
	number = strtod(text, &end);
	while (*end == ' ')
		end++;
	unit = find_unit(units, end);
	if (!unit || !isfinite(number * unit->factor))
		return false;
	*ret = number * unit->factor;
	return true;
}

struct mw_error *mw_amount_parse_size(const char *text, double *ret_kib)
{
	if (!parse_amount(text, &sizes, ret_kib))
		return mw_error_create(MW_ERROR_USAGE, "'%s' is not a size: write 512M or 1.5G",
				       text);
	return NULL;
}

struct mw_error *mw_amount_parse_duration(const char *text, double *ret_seconds)
{
	if (!parse_amount(text, &durations, ret_seconds))
		return mw_error_create(MW_ERROR_USAGE, "'%s' is not a duration: write 90s or 2m",
				       text);
	return NULL;
}

struct mw_error *mw_amount_parse_count(const char *text, double *ret)
{
	double number;

	if (!parse_amount(text, &counts, &number) || number != floor(number))
		return mw_error_create(MW_ERROR_USAGE, "'%s' is not a whole number", text);
	*ret = number;
	return NULL;
}

static struct mw_error *threshold_error(const char *text)
{
	return mw_error_create(MW_ERROR_USAGE,
			       "'%s' is not a threshold: write a percentage (5%%) or a size (20M)",
			       text);
}

struct mw_error *mw_threshold_parse(const char *text, struct mw_threshold *ret)
{
	size_t length = strlen(text);
	double value;

	// A bare number could mean either, and the two are far apart.
	if (!length || isdigit((unsigned char)text[length - 1]))
		return threshold_error(text);
	if (parse_amount(text, &percents, &value)) {
		*ret = (struct mw_threshold){.relative = true, .value = value};
		return NULL;
	}
	if (!parse_amount(text, &sizes, &value))
		return threshold_error(text);
	*ret = (struct mw_threshold){.value = value};
	return NULL;
}

bool mw_threshold_exceeded(const struct mw_threshold *threshold, double base, double candidate)
{
	double allowed = threshold->relative ? base * threshold->value / 100 : threshold->value;

	return candidate - base > allowed;
}

static struct mw_amount_text format_kib(double kib)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	struct mw_amount_text ret;
	size_t unit = 0;
	int digits;

	while (fabs(kib) >= 1024 && unit + 1 < mw_array_size(units)) {
		kib /= 1024;
		unit++;
	}
	digits = unit == 0 || fabs(kib) >= 99.95 ? 0 : fabs(kib) >= 9.995 ? 1 : 2;
	snprintf(ret.text, sizeof(ret.text), "%.*f %s", digits, kib, units[unit]);
	return ret;
}

static struct mw_amount_text format_seconds(double seconds)
{
	struct mw_amount_text ret;
	double whole = floor(seconds);

	if (seconds == 0)
		snprintf(ret.text, sizeof(ret.text), "0 s");
	else if (seconds < 1)
		snprintf(ret.text, sizeof(ret.text), "%.0f ms", seconds * 1000);
	else if (seconds < 60)
		snprintf(ret.text, sizeof(ret.text), "%.*f s", seconds < 9.995 ? 2 : 1, seconds);
	else if (seconds < 3600)
		snprintf(ret.text, sizeof(ret.text), "%.0f min %02.0f s", floor(whole / 60),
			 fmod(whole, 60));
	else
		snprintf(ret.text, sizeof(ret.text), "%.0f h %02.0f min", floor(whole / 3600),
			 floor(fmod(whole, 3600) / 60));
	return ret;
}

struct mw_amount_text mw_amount_format(enum mw_metric_unit unit, double value)
{
	struct mw_amount_text ret = {"-"};

	if (isnan(value))
		return ret;
	if (unit == MW_UNIT_KIB)
		return format_kib(value);
	if (unit == MW_UNIT_SECONDS)
		return format_seconds(value);
	snprintf(ret.text, sizeof(ret.text), "%.0f", value);
	return ret;
}

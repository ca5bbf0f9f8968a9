/* SPDX-License-Identifier: MIT */
/*
 * CRC-32 (IEEE 802.3) against torn and damaged files. No protection against
 * anybody: whoever can write a file can write its checksum.
 */
#ifndef AGENT_BASE_CRC_H
#define AGENT_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from @crc; 0 to begin with. */
uint32_t crc32_add(uint32_t crc, const void *data, size_t length);

#endif

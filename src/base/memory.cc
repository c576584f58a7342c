#include "base/memory.h"

#include <malloc.h>

namespace kro {

void PreferSmallHeap() {
  mallopt(M_ARENA_MAX, 1);
  // A fixed threshold also keeps what is large from staying in the heap.
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 256 * 1024);
}

void ReturnFreeMemory() { malloc_trim(0); }

}  // namespace kro

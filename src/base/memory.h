// Memory: what the allocator does with memory that nobody uses.
#pragma once

namespace kro {

// For a process that is to stay small: few arenas, and free memory at the top goes back soon. Call at the
// start of main, before there are threads.
void PreferSmallHeap();

// Gives free memory back to the system. Takes some milliseconds, while which other threads may wait for memory.
void ReturnFreeMemory();

}  // namespace kro

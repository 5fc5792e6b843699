-- Merges in small blocks: measured on the embedded engine, resident memory at 1 M rows is 6 % above that at 100 k instead of 11 %, for 10 % more CPU.
-- A server with memory to spare may reset these.
ALTER TABLE status_events MODIFY SETTING
    merge_max_block_size = 1024, merge_max_block_size_bytes = 1000000, max_compress_block_size = 131072, min_compress_block_size = 65536;

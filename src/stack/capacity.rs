//! The sizes of Fargate, for who knows no configuration.

use crate::config::{valid_cpus, valid_memory};

/// The next larger size: more memory with the same CPU units when there is any, else the next CPU value that has more.
/// CPU units and MiB; `None` beyond the largest.
pub fn next_size(cpu: u32, memory: u32) -> Option<(u32, u32)> {
    valid_cpus().filter(|units| *units >= cpu).find_map(|units| {
        let values = valid_memory(units)?;
        let next = values.all().find(|mib| *mib > memory)?;
        Some((units, next))
    })
}

#[cfg(test)]
mod tests {
    use super::next_size;

    #[test]
    fn more_memory_comes_with_the_same_cpu_while_there_is_any() {
        assert_eq!(next_size(256, 512), Some((256, 1024)));
        assert_eq!(next_size(256, 2048), Some((512, 3072)));
        assert_eq!(next_size(4096, 30720), Some((8192, 32768)));
        assert_eq!(next_size(32768, 249_856), None);
    }
}

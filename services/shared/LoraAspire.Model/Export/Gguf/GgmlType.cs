namespace LoraAspire.Model.Export.Gguf;

/// <summary>How llama.cpp stores a tensor's numbers; the values are those of ggml's file format.</summary>
public enum GgmlType : uint
{
    F32 = 0,
    F16 = 1,
    /// <summary>Blocks of 32: a float16 scale and 4 bits each.</summary>
    Q4 = 2,
    /// <summary>Blocks of 32: a float16 scale and 8 bits each.</summary>
    Q8 = 8,
    BF16 = 30,
}

/// <summary>What there is to know of the types.</summary>
public static class GgmlTypes
{
    /// <summary>Numbers in a block of q8_0 and q4_0, along a row.</summary>
    internal const int Block = 32;

    /// <summary>By their names in options and file names, with the number that general.file_type has for a file mostly of it.</summary>
    private static readonly (string Name, GgmlType Type, uint FileType, string Label)[] s_known =
    [
        ("f32", GgmlType.F32, 0, "F32"), ("f16", GgmlType.F16, 1, "F16"), ("bf16", GgmlType.BF16, 32, "BF16"),
        ("q8_0", GgmlType.Q8, 7, "Q8_0"), ("q4_0", GgmlType.Q4, 2, "Q4_0"),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. s_known.Select(known => known.Name)];

    /// <exception cref="ModelException">No such type.</exception>
    public static GgmlType Parse(string name) => s_known.FirstOrDefault(known => known.Name == name) is { Name: not null } known
        ? known.Type : throw new ModelException($"There is no type '{name}' to export to: {string.Join(", ", Names)}.");

    /// <summary>As it stands in file names: Q8_0.</summary>
    internal static string Label(this GgmlType type) => s_known.First(known => known.Type == type).Label;

    internal static uint FileType(this GgmlType type) => s_known.First(known => known.Type == type).FileType;

    internal static bool IsQuantized(this GgmlType type) => type is GgmlType.Q4 or GgmlType.Q8;

    /// <summary>Bytes of a row; of the block types it must be whole blocks.</summary>
    internal static long RowBytes(this GgmlType type, long columns) => type switch
    {
        GgmlType.F32 => columns * 4,
        GgmlType.F16 or GgmlType.BF16 => columns * 2,
        GgmlType.Q8 => columns / Block * (2 + Block),
        _ => columns / Block * (2 + (Block / 2)),
    };
}

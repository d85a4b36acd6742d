using System.IO.MemoryMappedFiles;
using LoraAspire.Model.Native;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>
/// Where one tensor lies in a file. <paramref name="Offset"/> is in bytes from the file's start to its first element;
/// <paramref name="Length"/> is the bytes from there to the end of its last one.
/// </summary>
public sealed record TensorEntry(string Name, ScalarType Dtype, IReadOnlyList<long> Shape, long Offset, long Length)
{
    /// <summary>Elements to the next one of each dimension; null is row after row.</summary>
    public IReadOnlyList<long>? Strides { get; init; }

    /// <summary>Numbers with a fraction, as weights are that nobody quantised.</summary>
    public bool IsFloating => Dtype is ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;
}

/// <summary>
/// A memory-mapped file of named tensors. What its header says was checked against the file's size before the first byte is used.
/// </summary>
public abstract class TensorFile(string path, IReadOnlyDictionary<string, TensorEntry> tensors) : IDisposable
{
    private readonly MemoryMappedFile _map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);

    private readonly Lazy<SafeFileHandle> _file = new(() => File.OpenHandle(path, options: FileOptions.SequentialScan));

    public string Path { get; } = path;
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; } = tensors;

    /// <summary>By the name's end: .bin is torch's own format, all else safetensors.</summary>
    /// <exception cref="ModelException">Missing, truncated, or not what its name says.</exception>
    public static TensorFile Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new ModelException($"No file {path}.");
        }
        LfsPointer.Refuse(path);
        return path.EndsWith(".bin", StringComparison.Ordinal) ? TorchFile.Open(path) : SafetensorsFile.Open(path);
    }

    /// <summary>
    /// A copy of one tensor on the CPU, in the file's type, read by every core.
    /// </summary>
    /// <exception cref="ModelException">No tensor of that name, or the file is shorter than it was.</exception>
    public Tensor Read(string name)
    {
        if (!Tensors.TryGetValue(name, out var entry))
        {
            throw new ModelException($"{Path}: no tensor '{name}'.");
        }
        using var scope = NewDisposeScope();
        var elements = entry.Strides is null ? [.. entry.Shape] : new[] { entry.Length / ElementTypes.Size(entry.Dtype) };
        var tensor = empty(elements, entry.Dtype);
        if (entry.Length > 0)
        {
            StoredNumbers numbers = new(new(_file.Value, entry.Offset, entry.Length), entry.Dtype, Path);
            numbers.Fill(Aten.Data(tensor), entry.Dtype);
        }
        return (entry.Strides is null ? tensor : tensor.as_strided([.. entry.Shape], [.. entry.Strides]).contiguous())
            .MoveToOuterDisposeScope();
    }

    /// <summary>A tensor as it lies in the file; null where it isn't row after row there.</summary>
    internal MappedTensor? Map(TensorEntry entry) => entry.Strides is null && entry.Length > 0 ? new MappedTensor(_map, entry) : null;

    /// <summary>Where a tensor's bytes lie; null where they don't lie row after row.</summary>
    /// <exception cref="ModelException">No tensor of that name.</exception>
    public FileRange? Range(string name) => !Tensors.TryGetValue(name, out var entry)
        ? throw new ModelException($"{Path}: no tensor '{name}'.")
        : entry.Strides is not null ? null
        : new(_file.Value, entry.Offset, entry.Length);

    public void Dispose()
    {
        _map.Dispose();
        if (_file.IsValueCreated)
        {
            _file.Value.Dispose();
        }
    }
}

/// <summary>The element types of weight files: their names in safetensors and their bytes.</summary>
internal static class ElementTypes
{
    private static readonly (string Name, ScalarType Type, int Size)[] Known =
    [
        ("F64", ScalarType.Float64, 8), ("F32", ScalarType.Float32, 4), ("F16", ScalarType.Float16, 2), ("BF16", ScalarType.BFloat16, 2),
        ("I64", ScalarType.Int64, 8), ("I32", ScalarType.Int32, 4), ("I16", ScalarType.Int16, 2), ("I8", ScalarType.Int8, 1),
        ("U8", ScalarType.Byte, 1), ("BOOL", ScalarType.Bool, 1),
    ];

    public static ScalarType? Parse(string name) =>
        Known.Where(known => known.Name == name).Select(known => (ScalarType?)known.Type).FirstOrDefault();

    public static string Name(ScalarType type) => Known.First(known => known.Type == type).Name;

    public static int Size(ScalarType type) => Known.First(known => known.Type == type).Size;
}

using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Quantised;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>
/// The weights of a Hugging Face directory: one model.safetensors, or shards named by model.safetensors.index.json; without these the same
/// as pytorch_model.bin, torch's older format.
/// </summary>
public sealed class WeightFiles : IDisposable
{
    public const string Single = "model.safetensors";
    public const string Index = "model.safetensors.index.json";
    private const string TorchSingle = "pytorch_model.bin";
    private const string TorchIndex = "pytorch_model.bin.index.json";

    private readonly Dictionary<string, TensorFile> _fileOf;
    private readonly IReadOnlyList<TensorFile> _files;

    private WeightFiles(string directory, IReadOnlyList<TensorFile> files)
    {
        (Directory, _files, _fileOf) = (directory, files, new(StringComparer.Ordinal));
        foreach (var file in files)
        {
            foreach (var name in file.Tensors.Keys)
            {
                if (!_fileOf.TryAdd(name, file))
                {
                    throw new ModelException($"{directory}: tensor '{name}' is in both {Path.GetFileName(_fileOf[name].Path)} "
                        + $"and {Path.GetFileName(file.Path)}.");
                }
            }
        }
    }

    public string Directory { get; }

    public IEnumerable<TensorEntry> Tensors => _files.SelectMany(file => file.Tensors.Values);

    public static bool Exist(string directory) =>
        new[] { Single, Index, TorchSingle, TorchIndex }.Any(name => File.Exists(Path.Combine(directory, name)));

    /// <exception cref="ModelException">No weights, or a broken file.</exception>
    public static WeightFiles Open(string directory)
    {
        var opened = new List<TensorFile>();
        try
        {
            opened.AddRange(FileNames(directory).Select(name => TensorFile.Open(Path.Combine(directory, name))));
            return new WeightFiles(directory, opened);
        }
        catch
        {
            opened.ForEach(file => file.Dispose());
            throw;
        }
    }

    public bool Has(string name) => _fileOf.ContainsKey(name);

    /// <summary>Where a tensor lies; null where there is none of that name.</summary>
    internal TensorEntry? Entry(string name) => _fileOf.TryGetValue(name, out var file) ? file.Tensors[name] : null;

    /// <summary>A linear layer's weight that the files hold quantised, on the CPU; null where they hold numbers.</summary>
    /// <exception cref="ModelException">What lies beside it doesn't fit it.</exception>
    internal PackedWeight? Packed(string name, IReadOnlyList<long> shape) => BitsAndBytes.Read(this, name, shape);

    /// <summary>The names of the files that hold a folder's tensors, in their order.</summary>
    /// <exception cref="ModelException">As <see cref="Names"/>.</exception>
    public static IReadOnlyList<string> TensorFiles(string directory) => [.. FileNames(directory)];

    /// <summary>The names of the files that hold a folder's weights, the index among them.</summary>
    /// <exception cref="ModelException">No weights, or an index that names a file elsewhere.</exception>
    public static IReadOnlyList<string> Names(string directory)
    {
        var files = TensorFiles(directory);
        return [.. files, .. new[] { Index, TorchIndex }.Where(index => files is not [Single or TorchSingle]
            && files[0].EndsWith(".bin", StringComparison.Ordinal) == (index == TorchIndex)
            && File.Exists(Path.Combine(directory, index)))];
    }

    /// <summary>One tensor, in the type and on the device asked for; dequantised where the files hold it so.</summary>
    /// <exception cref="ModelException">No such tensor, or of another shape.</exception>
    public Tensor Read(string name, IReadOnlyList<long> shape, ScalarType dtype, torch.Device device)
    {
        if (Packed(name, shape) is { } weight)
        {
            using var packed = weight;
            using var inner = NewDisposeScope();
            return packed.Dequantise(dtype).to(device).MoveToOuterDisposeScope();
        }
        using var scope = NewDisposeScope();
        if (Numbers(name, shape) is not { } numbers)
        {
            return Read(name).to(dtype, device).MoveToOuterDisposeScope();
        }
        var tensor = empty([.. shape], dtype);
        numbers.Fill(Aten.Data(tensor), dtype);
        return tensor.to(device).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// One weight's numbers in its file; null where they don't lie there row after row as numbers with a fraction.
    /// </summary>
    /// <exception cref="ModelException">No such tensor, or of another shape.</exception>
    internal StoredNumbers? Numbers(string name, IReadOnlyList<long> shape)
    {
        if (BitsAndBytes.Holds(this, name))
        {
            return null;
        }
        var (file, entry) = Find(name, shape);
        return entry.IsFloating && file.Range(name) is { } range ? new(range, entry.Dtype, file.Path) : null;
    }

    /// <summary>One tensor in the file's own memory; null where it isn't row after row there.</summary>
    /// <exception cref="ModelException">No such tensor, or of another shape.</exception>
    public MappedTensor? Map(string name, IReadOnlyList<long> shape)
    {
        var (file, entry) = Find(name, shape);
        return file.Map(entry);
    }

    /// <summary>Where one tensor lies, once it has the shape asked for.</summary>
    /// <exception cref="ModelException">No such tensor, or of another shape.</exception>
    internal (TensorFile File, TensorEntry Entry) Find(string name, IReadOnlyList<long> shape)
    {
        if (!_fileOf.TryGetValue(name, out var file))
        {
            throw new ModelException($"{Directory}: no tensor '{name}', which config.json calls for.");
        }
        var entry = file.Tensors[name];
        return entry.Shape.SequenceEqual(shape) ? (file, entry)
            : throw new ModelException($"{file.Path}: tensor '{name}' is [{string.Join(", ", entry.Shape)}], but config.json makes it "
                + $"[{string.Join(", ", shape)}].");
    }

    /// <summary>One tensor as it lies in the file.</summary>
    public Tensor Read(string name) =>
        _fileOf.TryGetValue(name, out var file) ? file.Read(name) : throw new ModelException($"{Directory}: no tensor '{name}'.");

    /// <inheritdoc cref="TensorFile.Range"/>
    public FileRange? Range(string name) =>
        _fileOf.TryGetValue(name, out var file) ? file.Range(name) : throw new ModelException($"{Directory}: no tensor '{name}'.");

    public void Dispose()
    {
        foreach (var file in _files)
        {
            file.Dispose();
        }
    }

    private static IEnumerable<string> FileNames(string directory)
    {
        foreach (var (single, index) in new[] { (Single, Index), (TorchSingle, TorchIndex) })
        {
            if (File.Exists(Path.Combine(directory, single)))
            {
                return [single];
            }
            if (File.Exists(Path.Combine(directory, index)))
            {
                return ReadIndex(Path.Combine(directory, index));
            }
        }
        throw new ModelException($"{directory}: no weights: none of {Single}, {Index}, {TorchSingle}, {TorchIndex} is there.");
    }

    private static List<string> ReadIndex(string path)
    {
        var names = JsonFile.Read(path, "weight index", root =>
            root.GetProperty("weight_map").EnumerateObject().Select(pair => pair.Value.GetString() ?? "").Distinct()
                .Order(StringComparer.Ordinal).ToList());
        return names.All(name => name is not ("" or "." or "..") && name == Path.GetFileName(name) && !name.Contains('\0'))
            ? names
            : throw new ModelException($"{path}: weight_map names a file outside the model's folder.");
    }
}

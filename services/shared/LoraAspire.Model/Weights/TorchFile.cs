using System.Buffers.Binary;

namespace LoraAspire.Model.Weights;

/// <summary>
/// A state dict as torch.save writes it: since torch 1.6 a zip file of a pickle and one entry a storage, before that a row of pickles with
/// the storages behind. The pickle is read as data: see <see cref="Unpickler"/> and <see cref="TorchGlobals"/>.
/// </summary>
internal sealed class TorchFile : TensorFile
{
    private static ReadOnlySpan<byte> ZipMagic => "PK\x03\x04"u8;
    private static readonly byte[] s_legacyMagic = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    private const long LegacyVersion = 1001;

    private TorchFile(string path, IReadOnlyDictionary<string, TensorEntry> tensors) : base(path, tensors)
    {
    }

    /// <exception cref="ModelException">Missing, truncated, no state dict, or a pickle that asks for more than a state dict
    /// needs.</exception>
    public static new TorchFile Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new ModelException($"No file {path}.");
        }
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        Span<byte> start = stackalloc byte[4];
        if (file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length)
        {
            throw new ModelException($"{path}: {file.Length} bytes is too short for a file that torch.save wrote. The download or copy "
                + "broke off: fetch it again.");
        }
        file.Position = 0;
        return new TorchFile(path, start.SequenceEqual(ZipMagic) ? ReadZip(file) : ReadLegacy(file));
    }

    private static Dictionary<string, TensorEntry> ReadZip(FileStream file)
    {
        var entries = ZipDirectory.Read(file);
        var pickle = entries.Keys.Where(name => name.Split('/') is [_, "data.pkl"]).ToList() is [var only]
            ? only
            : throw new ModelException($"{file.Name}: has not exactly one FOLDER/data.pkl, as torch.save's zip files have.");
        var prefix = pickle[..^"data.pkl".Length];
        if (entries.TryGetValue(prefix + "byteorder", out var order))
        {
            file.Position = order.Offset;
            if (order.Length != "little".Length || file.ReadByte() != 'l')
            {
                throw new ModelException($"{file.Name}: was written on a big-endian machine, which is not supported.");
            }
        }
        file.Position = entries[pickle].Offset;
        var state = new Unpickler(file, file.Name, new TorchGlobals(file.Name).Call).Read();
        return Entries(file.Name, state, storage =>
        {
            var name = $"{prefix}data/{storage.Key}";
            var bytes = storage.RootElements * ElementTypes.Size(storage.Dtype);
            return !entries.TryGetValue(name, out var entry)
                ? throw new ModelException(
                    $"{file.Name}: its pickle names storage {storage.Key}, which the file doesn't have. Fetch it again.")
                : entry.Length != bytes
                ? throw new ModelException(
                    $"{file.Name}: storage {storage.Key} has {entry.Length} bytes, but its pickle says {bytes}. Fetch the file again.")
                : entry.Offset;
        });
    }

    /// <summary>
    /// Pickles of a magic number, a version, the machine, the state, the storages' keys; then each storage behind its count of elements.
    /// </summary>
    private static Dictionary<string, TensorEntry> ReadLegacy(FileStream file)
    {
        object? Next() => new Unpickler(file, file.Name, new TorchGlobals(file.Name).Call).Read();
        if (file.ReadByte() != 0x80)
        {
            throw new ModelException($"{file.Name}: is neither a zip file nor a pickle, so torch.save didn't write it. Fetch it again.");
        }
        file.Position = 0;
        if (Next() is not byte[] magic || !magic.AsSpan().SequenceEqual(s_legacyMagic) || Next() is not LegacyVersion)
        {
            throw new ModelException($"{file.Name}: doesn't begin with torch.save's magic number and version {LegacyVersion}.");
        }
        if (Next() is not Dictionary<object, object?> machine || machine.GetValueOrDefault("little_endian") is not true)
        {
            throw new ModelException($"{file.Name}: was written on a big-endian machine, which is not supported.");
        }
        var state = Next();
        var keys = Next() as List<object?> ?? throw new ModelException($"{file.Name}: has no list of storages. Fetch it again.");
        var dtypes = Named(file.Name, state).Select(item => item.Tensor.Storage).GroupBy(storage => storage.Key)
            .ToDictionary(group => group.Key, group => group.First());
        var offsets = new Dictionary<string, long>(StringComparer.Ordinal);
        Span<byte> count = stackalloc byte[8];
        foreach (var key in keys)
        {
            if (key is not string name || !dtypes.TryGetValue(name, out var storage))
            {
                throw new ModelException($"{file.Name}: lists a storage that no tensor uses. Fetch it again.");
            }
            var bytes = storage.RootElements * ElementTypes.Size(storage.Dtype);
            if (file.ReadAtLeast(count, count.Length, throwOnEndOfStream: false) < count.Length || bytes > file.Length - file.Position)
            {
                throw new ModelException($"{file.Name}: ends before storage {name}: truncated. Fetch it again.");
            }
            if (BinaryPrimitives.ReadInt64LittleEndian(count) != storage.RootElements)
            {
                throw new ModelException($"{file.Name}: storage {name} has another size than its pickle says. Fetch the file again.");
            }
            offsets[name] = file.Position;
            file.Position += bytes;
        }
        return Entries(file.Name, state, storage => offsets.TryGetValue(storage.Key, out var offset)
            ? offset
            : throw new ModelException(
                $"{file.Name}: its pickle names storage {storage.Key}, which the file doesn't have. Fetch it again."));
    }

    private static IEnumerable<(string Name, PickledTensor Tensor)> Named(string path, object? state)
    {
        var map = state as Dictionary<object, object?> ?? throw new ModelException($"{path}: holds no state dict (names with tensors).");
        foreach (var (key, value) in map)
        {
            yield return (key, value) is (string name, PickledTensor tensor)
                ? (name, tensor)
                : throw new ModelException(
                    $"{path}: '{key}' is not a tensor. Only plain state dicts can be read: save model.state_dict() by itself.");
        }
    }

    /// <param name="storageOffset">Bytes from the file's start to a whole storage, whose size it has checked.</param>
    private static Dictionary<string, TensorEntry> Entries(string path, object? state, Func<PickledStorage, long> storageOffset) =>
        Named(path, state)
            .ToDictionary(item => item.Name, item => Entry(path, item.Name, item.Tensor, storageOffset), StringComparer.Ordinal);

    private static TensorEntry Entry(string path, string name, PickledTensor tensor, Func<PickledStorage, long> storageOffset)
    {
        var storage = tensor.Storage;
        var size = ElementTypes.Size(storage.Dtype);
        try
        {
            checked
            {
                var start = storageOffset(storage) + ((storage.Offset + tensor.Offset) * size);
                var elements = tensor.Shape.Aggregate(1L, (product, dimension) => product * dimension);
                if (tensor.Shape.Length != tensor.Strides.Length)
                {
                    throw new ModelException($"{path}: tensor '{name}' has {tensor.Shape.Length} dimensions but {tensor.Strides.Length} "
                        + "strides. Fetch the file again.");
                }
                var span = elements == 0 ? 0 : 1 + tensor.Shape.Zip(tensor.Strides).Sum(pair => (pair.First - 1) * pair.Second);
                // A tensor of more elements than its storage would be one expanded; a few bytes could claim any size.
                if (tensor.Offset < 0 || tensor.Offset + span > storage.Elements || elements > storage.Elements)
                {
                    throw new ModelException($"{path}: tensor '{name}' of shape [{string.Join(", ", tensor.Shape)}] reaches beyond its "
                        + $"storage of {storage.Elements} elements. Fetch the file again.");
                }
                return new TensorEntry(name, storage.Dtype, tensor.Shape, start,
                    span * size)
                { Strides = IsContiguous(tensor) ? null : tensor.Strides };
            }
        }
        catch (OverflowException error)
        {
            throw new ModelException($"{path}: tensor '{name}' has an impossible size. Fetch it again.", error);
        }
    }

    private static bool IsContiguous(PickledTensor tensor)
    {
        long expected = 1;
        for (var i = tensor.Shape.Length - 1; i >= 0; i--)
        {
            if (tensor.Shape[i] != 1 && tensor.Strides[i] != expected)
            {
                return false;
            }
            expected *= tensor.Shape[i];
        }
        return true;
    }
}

using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>
/// A run of elements that tensors of a pickle share. <paramref name="Offset"/> is in elements from the stored one's start.
/// </summary>
internal sealed record PickledStorage(string Key, ScalarType Dtype, long Elements, long Offset, long RootElements);

/// <summary>A view of a storage; offset and strides in elements.</summary>
internal sealed record PickledTensor(PickledStorage Storage, long Offset, long[] Shape, long[] Strides);

/// <summary>
/// The globals that a state dict may name, a fixed list, with what each stands for here. Everything else is refused by its name: a pickle
/// could name any function of Python, and this program has none of them.
/// </summary>
internal sealed class TorchGlobals(string path)
{
    /// <summary>So that bytes never overflow.</summary>
    private const long MaxElements = long.MaxValue / 8;

    /// <summary>torch's own limit.</summary>
    private const int MaxDimensions = 64;

    private static readonly Dictionary<string, ScalarType> StorageTypes = new()
    {
        ["torch.DoubleStorage"] = ScalarType.Float64,
        ["torch.FloatStorage"] = ScalarType.Float32,
        ["torch.HalfStorage"] = ScalarType.Float16,
        ["torch.BFloat16Storage"] = ScalarType.BFloat16,
        ["torch.LongStorage"] = ScalarType.Int64,
        ["torch.IntStorage"] = ScalarType.Int32,
        ["torch.ShortStorage"] = ScalarType.Int16,
        ["torch.CharStorage"] = ScalarType.Int8,
        ["torch.ByteStorage"] = ScalarType.Byte,
        ["torch.BoolStorage"] = ScalarType.Bool,
    };

    /// <summary>The value of a call that a pickle asks for.</summary>
    /// <exception cref="ModelException">A global that is not on the list, or arguments it doesn't take.</exception>
    public object? Call(PickledGlobal global, object?[] arguments) => (global.Name, arguments) switch
    {
        ("torch._utils._rebuild_tensor_v2" or "torch._utils._rebuild_tensor",
            [PersistentId id, long offset, object?[] shape, object?[] strides, ..]) =>
            new PickledTensor(Storage(id), offset, Sizes(shape), Sizes(strides)),
        ("torch._utils._rebuild_parameter" or "torch._utils._rebuild_parameter_with_state", [PickledTensor tensor, ..]) => tensor,
        ("collections.OrderedDict", []) => new Dictionary<object, object?>(),
        ("torch.Size", [object?[] sizes]) => sizes,
        ("torch._utils._rebuild_tensor_v2" or "torch._utils._rebuild_tensor" or "torch._utils._rebuild_parameter"
            or "torch._utils._rebuild_parameter_with_state" or "collections.OrderedDict" or "torch.Size", _) =>
            throw Damaged($"{global.Name} with arguments it doesn't take"),
        _ => throw new ModelException($"{path}: its pickle calls {global.Name}, which no state dict needs: the file is refused, and "
            + "nothing of it was executed. Use weights saved as safetensors, or from a source you trust."),
    };

    /// <summary>
    /// ('storage', type, key, device, elements), in the legacy format with (view's key, offset, elements) or null behind.
    /// </summary>
    private PickledStorage Storage(PersistentId id)
    {
        if (id.Parts is not ["storage", PickledGlobal type, string key, string, long elements, .. var view]
            || elements is < 0 or > MaxElements)
        {
            throw Damaged("a storage whose id is no storage's");
        }
        if (!StorageTypes.TryGetValue(type.Name, out var dtype))
        {
            throw new ModelException(
                $"{path}: a storage of type {type.Name}, which is not supported: {string.Join(", ", StorageTypes.Keys)} are.");
        }
        return view switch
        {
            [] or [null] => new PickledStorage(key, dtype, elements, 0, elements),
            [object?[] and [string, long offset, long length]] when offset >= 0 && length >= 0 && offset <= elements - length =>
                new PickledStorage(key, dtype, length, offset, elements),
            _ => throw Damaged("a view of a storage beyond its end"),
        };
    }

    private long[] Sizes(object?[] values) => values.Length > MaxDimensions
        ? throw Damaged($"a shape of {values.Length} dimensions")
        : [.. values.Select(value => value is long and >= 0 ? (long)value : throw Damaged("a shape that is not of whole numbers from 0"))];

    private ModelException Damaged(string what) => new($"{path}: its pickle has {what}. The file is damaged: fetch it again.");
}

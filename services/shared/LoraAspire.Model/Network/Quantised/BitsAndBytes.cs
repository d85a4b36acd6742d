using System.Text.Json;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>
/// Weights as bitsandbytes' Linear4bit and Linear8bitLt save them: beside X.weight lie X.weight.absmax, quant_map, nested_absmax,
/// nested_quant_map and, as JSON in bytes, quant_state.bitsandbytes__nf4; or X.SCB. All that a file says is held to the shape that
/// config.json gives the weight, and its tables to the published ones.
/// </summary>
internal static class BitsAndBytes
{
    private const string Weight = ".weight", State = ".quant_state.bitsandbytes__", MostState = "64 KiB";
    private const int MostStateBytes = 1 << 16;

    /// <summary>Tables are printed and read with nine digits.</summary>
    private const float MapTolerance = 1e-6f;

    /// <summary>The format that config.json says of the folder's linear layers; null where it says nothing.</summary>
    /// <exception cref="ModelException">One that isn't read here.</exception>
    public static BaseFormat? FormatOf(ConfigFields config)
    {
        if (config.Object("quantization_config") is not { } given)
        {
            return null;
        }
        if (given.Text("quant_method") is { } method && method != "bitsandbytes")
        {
            throw given.Refuse("quant_method", $"is '{method}'; bases quantised by bitsandbytes (8 bits, or nf4) can be read, and "
                + "unquantised ones");
        }
        return given.Flag("load_in_8bit") is true ? BaseFormat.Int8
            : given.Flag("load_in_4bit") is not true ? throw given.Refuse("load_in_4bit", "is not set, and neither is load_in_8bit")
            : (given.Text("bnb_4bit_quant_type") ?? "fp4") is var type && type == "nf4" ? BaseFormat.Nf4
            : throw given.Refuse("bnb_4bit_quant_type", $"is '{type}'; of the types of 4 bits only nf4 can be read");
    }

    /// <summary>Whether the files hold a weight in less than 16 bits.</summary>
    public static bool Holds(WeightFiles files, string name) =>
        files.Has(name + State + "nf4") || files.Has(name + State + "fp4") || files.Has(ScalesOf(name));

    /// <summary>A weight of this shape, on the CPU; null where the files hold numbers.</summary>
    /// <exception cref="ModelException">What lies beside it doesn't fit it, or is of a type that isn't read here.</exception>
    public static PackedWeight? Read(WeightFiles files, string name, IReadOnlyList<long> shape) =>
        !Holds(files, name) ? null
        : shape is not [var rows, var columns] ? throw Refuse(files, name, "is quantised, and only linear layers' weights can be")
        : files.Has(name + State + "fp4") ? throw Refuse(files, name, "is in fp4; of the types of 4 bits only nf4 can be read")
        : files.Has(ScalesOf(name)) ? EightBits(files, name, rows, columns)
        : FourBits(files, name, rows, columns);

    private static string ScalesOf(string name) =>
        (name.EndsWith(Weight, StringComparison.Ordinal) ? name[..^Weight.Length] : name) + ".SCB";

    private static Int8Weight EightBits(WeightFiles files, string name, long rows, long columns)
    {
        var format = ScalesOf(name)[..^"SCB".Length] + "weight_format";
        if (files.Has(format) && One(files, format) != 0)
        {
            throw Refuse(files, format, "is not 0: only rows as they are can be read. Save the model with a newer bitsandbytes");
        }
        var codes = Take(files, name, int8, rows * columns).view(rows, columns);
        var absmax = Take(files, ScalesOf(name), float32, rows);
        UnfitScales.RequireFinite(absmax, ScalesOf(name));
        return new Int8Weight(codes, absmax);
    }

    private static long One(WeightFiles files, string name)
    {
        using var tensor = Take(files, name, uint8, 1);
        return tensor.data<byte>()[0];
    }

    private static Nf4Weight FourBits(WeightFiles files, string name, long rows, long columns)
    {
        var offset = ReadState(files, name, rows, columns);
        var blocks = Nf4Scales.Blocks(rows * columns);
        RequireMap(files, name + ".quant_map", Nf4Table.Values);
        Tensor? nested = null;
        if (offset is not null)
        {
            RequireMap(files, name + ".nested_quant_map", DynamicMap.Values);
            nested = Finite(files, name + ".nested_absmax", Nf4Scales.NestedBlocks(blocks));
        }
        var absmax = nested is null ? Finite(files, name + ".absmax", blocks) : Take(files, name + ".absmax", uint8, blocks);
        return new Nf4Weight(rows, columns, Take(files, name, uint8, ((rows * columns) + 1) / 2),
            new Nf4Scales(absmax, nested, offset ?? 0));
    }

    /// <summary>What was taken off the scales before they were quantised; null where they weren't.</summary>
    private static float? ReadState(WeightFiles files, string name, long rows, long columns)
    {
        name += State + "nf4";
        if (files.Entry(name) is { Length: > MostStateBytes })
        {
            throw Refuse(files, name, $"is longer than {MostState}");
        }
        using var bytes = files.Read(name);
        if (bytes.dtype != uint8)
        {
            throw Refuse(files, name, "is no JSON in bytes");
        }
        try
        {
            using var document = JsonDocument.Parse(bytes.flatten().data<byte>().ToArray());
            ConfigFields state = new(document.RootElement, $"{files.Directory}: {name}");
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Refuse(files, name, "is no JSON object");
            }
            Require(state, "quant_type", state.Text("quant_type"), "nf4");
            Require(state, "blocksize", state.Number("blocksize"), Nf4Table.Block);
            var shape = state.Numbers("shape");
            if (!shape.SequenceEqual([rows, columns]))
            {
                throw state.Refuse("shape", $"is [{string.Join(", ", shape)}], but config.json makes it [{rows}, {columns}]");
            }
            if (!state.Has("nested_blocksize") && !state.Has("nested_offset"))
            {
                return null;
            }
            Require(state, "nested_blocksize", state.Number("nested_blocksize"), DynamicMap.Block);
            Require(state, "nested_dtype", state.Text("nested_dtype") ?? "float32", "float32");
            var offset = state.Number("nested_offset") ?? throw state.Refuse("nested_offset", "is missing");
            return float.IsFinite((float)offset) ? (float)offset : throw state.Refuse("nested_offset", "is too large a number");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Refuse(files, name, $"is no JSON ({error.Message})");
        }
    }

    private static void Require<T>(ConfigFields state, string field, T found, T wanted)
    {
        if (!EqualityComparer<T>.Default.Equals(found, wanted))
        {
            throw state.Refuse(field, FormattableString.Invariant($"is {found}; only {wanted} can be read"));
        }
    }

    private static void RequireMap(WeightFiles files, string name, ReadOnlySpan<float> map)
    {
        using var tensor = Take(files, name, float32, map.Length);
        var given = tensor.data<float>();
        for (var i = 0; i < map.Length; i++)
        {
            if (!(Math.Abs(given[i] - map[i]) <= MapTolerance))
            {
                throw Refuse(files, name, "is not the table that bitsandbytes publishes");
            }
        }
    }

    private static Tensor Finite(WeightFiles files, string name, long count)
    {
        var tensor = Take(files, name, float32, count);
        UnfitScales.RequireFinite(tensor, name);
        return tensor;
    }

    /// <summary>All of a tensor as a row, once it is of that type and so many.</summary>
    private static Tensor Take(WeightFiles files, string name, ScalarType type, long count)
    {
        var entry = files.Entry(name) ?? throw Refuse(files, name, "is missing");
        if (entry.Dtype != type || entry.Shape.Aggregate(1L, (product, size) => product * size) != count)
        {
            throw Refuse(files, name, $"is {ElementTypes.Name(entry.Dtype)} [{string.Join(", ", entry.Shape)}], where {count} of "
                + $"{ElementTypes.Name(type)} are called for");
        }
        using var scope = NewDisposeScope();
        return files.Read(name).flatten().DetachFromDisposeScope();
    }

    private static ModelException Refuse(WeightFiles files, string name, string problem) =>
        new($"{files.Directory}: tensor '{name}' {problem}.");
}

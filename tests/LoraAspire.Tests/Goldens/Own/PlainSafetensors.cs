using System.Buffers.Binary;
using System.Text.Json;

namespace LoraAspire.Tests.Goldens.Own;

/// <summary>The types of numbers that goldens are written in.</summary>
internal enum Stored
{
    F32,
    BF16,
    I64,
}

/// <summary>A tensor of plain numbers.</summary>
internal sealed record Plain(int[] Shape, double[] Values, Stored As = Stored.F32)
{
    /// <summary>The values as the type has them: to the nearest, ties to the even one.</summary>
    public Plain Rounded() => this with { Values = [.. Values.Select(value => Round(value, As))] };

    public static double Round(double value, Stored type) => type switch
    {
        Stored.F32 => (float)value,
        Stored.BF16 => BFloat16(value),
        _ => value,
    };

    public byte[] Bytes()
    {
        var width = As switch { Stored.F32 => 4, Stored.BF16 => 2, _ => 8 };
        var bytes = new byte[Values.Length * width];
        for (var i = 0; i < Values.Length; i++)
        {
            var place = bytes.AsSpan(i * width);
            switch (As)
            {
                case Stored.F32: BinaryPrimitives.WriteSingleLittleEndian(place, (float)Values[i]); break;
                case Stored.BF16:
                    BinaryPrimitives.WriteUInt16LittleEndian(place,
                    (ushort)(BitConverter.SingleToUInt32Bits((float)BFloat16(Values[i])) >> 16)); break;
                default: BinaryPrimitives.WriteInt64LittleEndian(place, (long)Values[i]); break;
            }
        }
        return bytes;
    }

    /// <summary>Eight significant bits of a normal number, from float64 in one rounding.</summary>
    private static double BFloat16(double value)
    {
        if (value == 0)
        {
            return 0;
        }
        var step = Math.ScaleB(1, Math.ILogB(value) - 7);
        return Math.Round(value / step, MidpointRounding.ToEven) * step;
    }
}

/// <summary>The safetensors format, read and written by itself: what the product reads must not have been written by it.</summary>
internal static class PlainSafetensors
{
    public static void Write(string path, IEnumerable<KeyValuePair<string, Plain>> tensors)
    {
        var header = new Dictionary<string, object>();
        var data = new MemoryStream();
        foreach (var (name, tensor) in tensors)
        {
            var start = data.Length;
            data.Write(tensor.Bytes());
            header[name] = new { dtype = tensor.As.ToString(), shape = tensor.Shape, data_offsets = new[] { start, data.Length } };
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)json.Length), .. json, .. data.ToArray()]);
    }

    public static Dictionary<string, Plain> Read(string path)
    {
        var file = File.ReadAllBytes(path);
        var start = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        return JsonElement.Parse(file.AsSpan(8, start - 8)).EnumerateObject().Where(entry => entry.Name != "__metadata__")
            .ToDictionary(entry => entry.Name, entry =>
        {
            var type = Enum.Parse<Stored>(entry.Value.GetProperty("dtype").GetString()!);
            var offsets = entry.Value.GetProperty("data_offsets").Deserialize<int[]>()!;
            var bytes = file.AsSpan((start + offsets[0])..(start + offsets[1])).ToArray();
            double[] values = type switch
            {
                Stored.F32 => [.. bytes.Chunk(4).Select(chunk => (double)BinaryPrimitives.ReadSingleLittleEndian(chunk))],
                Stored.BF16 => [.. bytes.Chunk(2)
                    .Select(chunk => (double)BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(chunk) << 16))],
                _ => [.. bytes.Chunk(8).Select(chunk => (double)BinaryPrimitives.ReadInt64LittleEndian(chunk))],
            };
            return new Plain(entry.Value.GetProperty("shape").Deserialize<int[]>()!, values, type);
        });
    }
}

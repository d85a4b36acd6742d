using System.Buffers.Binary;
using System.Text;

namespace LoraAspire.Model.Weights;

/// <summary>
/// A class or function that a pickle names. It is a name and nothing else: this reader never looks up or calls what it is given.
/// </summary>
internal sealed record PickledGlobal(string Name);

/// <summary>What a pickle asks its host for by a persistent id.</summary>
internal sealed record PersistentId(object?[] Parts);

/// <summary>
/// Reads the subset of Python's pickle (protocols 2 to 5) that state dicts are written in. Values are null, bool, long, double, string,
/// byte[], object[] (a tuple), List&lt;object?&gt;, Dictionary&lt;object, object?&gt; with string or long keys,
/// <see cref="PickledGlobal"/>, <see cref="PersistentId"/>, and what <paramref name="call"/> makes of a global and its arguments. It does
/// not recurse, and what it holds is bounded by <see cref="MaxValues"/> and the bytes read.
/// </summary>
/// <param name="input">At the pickle's first byte; left behind its last.</param>
/// <param name="path">For errors.</param>
/// <param name="call">Gives the value of a reduce, or refuses the global by name.</param>
internal sealed class Unpickler(Stream input, string path, Func<PickledGlobal, object?[], object?> call)
{
    /// <summary>Objects in a pickle; a tensor of a state dict takes about 12.</summary>
    private const int MaxValues = 2_000_000;
    private const int MaxBytes = 64 << 20;
    private const int MaxNameBytes = 256;

    private static readonly object Mark = new();

    private readonly List<object?> _stack = [];
    private readonly Dictionary<long, object?> _memo = [];
    private readonly long _limit = Math.Min(input.Length, input.Position + MaxBytes);
    private int _values;

    /// <exception cref="ModelException">Truncated, malformed, too large, or it holds what no state dict needs.</exception>
    public object? Read()
    {
        while (true)
        {
            var opcode = Byte();
            switch (opcode)
            {
                case 0x80: // PROTO
                    if (Byte() is var protocol and (< 2 or > 5))
                    {
                        throw Refuse($"pickle protocol {protocol} is not supported");
                    }
                    break;
                case 0x95: Bytes(8); break; // FRAME
                case (byte)'.': return Pop();
                case (byte)'(': Push(Mark); break;
                case (byte)'0': Pop(); break;
                case (byte)'1': PopMark(); break;
                case (byte)'2': Push(Peek()); break;
                case (byte)'N': Push(null); break;
                case 0x88: Push(true); break;
                case 0x89: Push(false); break;
                case (byte)'K': Push((long)Byte()); break;
                case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); break;
                case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); break;
                case 0x8a: Push(Long(Bytes(Byte()))); break;
                case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); break;
                case 0x8c: Push(Text(Byte())); break;
                case (byte)'X': Push(Text(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); break;
                case (byte)'C': Push(Bytes(Byte())); break;
                case (byte)'B': Push(Bytes(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); break;
                case (byte)')': Push(Array.Empty<object?>()); break;
                case 0x85: Tuple(1); break;
                case 0x86: Tuple(2); break;
                case 0x87: Tuple(3); break;
                case (byte)'t': Push(PopMark()); break;
                case (byte)']': Push(new List<object?>()); break;
                case (byte)'a': Append([Pop()]); break;
                case (byte)'e': Append(PopMark()); break;
                case (byte)'}': Push(new Dictionary<object, object?>()); break;
                case (byte)'s': SetItems(PopMany(2)); break;
                case (byte)'u': SetItems(PopMark()); break;
                case (byte)'q': _memo[Byte()] = Peek(); break;
                case (byte)'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))] = Peek(); break;
                case 0x94: _memo[_memo.Count] = Peek(); break;
                case (byte)'h': Push(Remembered(Byte())); break;
                case (byte)'j': Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); break;
                case (byte)'c': Push(new PickledGlobal($"{Line()}.{Line()}")); break;
                case 0x93: StackGlobal(); break;
                case (byte)'Q': Push(new PersistentId(Pop() as object?[] ?? throw Malformed("a persistent id that is no tuple"))); break;
                case (byte)'R': Reduce(); break;
                case (byte)'b': Build(); break;
                default: throw Refuse($"pickle opcode 0x{opcode:x2} at byte {input.Position - 1} is not one that state dicts use");
            }
        }
    }

    private void StackGlobal()
    {
        var parts = PopMany(2);
        Push(parts is [string module, string name] ? new PickledGlobal($"{module}.{name}")
            : throw Malformed("a global whose name is no text"));
    }

    private void Reduce()
    {
        var parts = PopMany(2);
        Push(parts is [PickledGlobal global, object?[] arguments] ? call(global, arguments)
            : throw Malformed("a call of what is no global"));
    }

    /// <summary>
    /// A state dict carries its modules' versions as an attribute, which loading doesn't need. Nothing else has attributes here.
    /// </summary>
    private void Build()
    {
        Pop();
        if (Peek() is not Dictionary<object, object?>)
        {
            throw Refuse("it sets attributes of an object, which no state dict needs");
        }
    }

    private void Append(object?[] items) => (Peek() as List<object?> ?? throw Malformed("an append to what is no list")).AddRange(items);

    private void SetItems(object?[] items)
    {
        var map = Peek() as Dictionary<object, object?> ?? throw Malformed("an item set in what is no dictionary");
        if (items.Length % 2 != 0)
        {
            throw Malformed("a key without a value");
        }
        foreach (var pair in items.Chunk(2))
        {
            map[pair[0] is string or long ? pair[0]! : throw Malformed("a dictionary key that is neither text nor a whole number")] =
                pair[1];
        }
    }

    private void Tuple(int count) => Push(PopMany(count));

    private void Push(object? value)
    {
        if (++_values > MaxValues)
        {
            throw Refuse(FormattableString.Invariant($"it has more than {MaxValues:N0} values"));
        }
        _stack.Add(value);
    }

    private object? Peek() =>
        _stack.Count > 0 && !ReferenceEquals(_stack[^1], Mark) ? _stack[^1] : throw Malformed("an operation on an empty stack");

    private object? Pop() => PopMany(1)[0];

    private object?[] PopMany(int count)
    {
        var start = _stack.Count - count;
        if (start < 0)
        {
            throw Malformed("an operation on an empty stack");
        }
        var items = _stack.GetRange(start, count).ToArray();
        _stack.RemoveRange(start, count);
        return items.Any(item => ReferenceEquals(item, Mark)) ? throw Malformed("an operation on a mark") : items;
    }

    private object?[] PopMark()
    {
        var mark = _stack.FindLastIndex(item => ReferenceEquals(item, Mark));
        if (mark < 0)
        {
            throw Malformed("a group that was never begun");
        }
        var items = PopMany(_stack.Count - mark - 1);
        _stack.RemoveAt(mark);
        return items;
    }

    private object? Remembered(long index) =>
        _memo.TryGetValue(index, out var value) ? value : throw Malformed($"memo {index}, which was never put");

    private string Text(uint length)
    {
        try
        {
            return s_utf8.GetString(Bytes(length));
        }
        catch (DecoderFallbackException)
        {
            throw Malformed("text that is not UTF-8");
        }
    }

    private static readonly UTF8Encoding s_utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Up to 8 bytes as a number; longer ones (torch's magic number) as they are.</summary>
    private static object Long(byte[] bytes)
    {
        if (bytes.Length > 8)
        {
            return bytes;
        }
        Span<byte> wide = stackalloc byte[8];
        wide.Fill(bytes is [.., >= 0x80] ? (byte)0xff : (byte)0);
        bytes.CopyTo(wide);
        return BinaryPrimitives.ReadInt64LittleEndian(wide);
    }

    private string Line()
    {
        var line = new StringBuilder();
        for (var next = Byte(); next != '\n'; next = Byte())
        {
            line.Append(next is >= 0x20 and < 0x7f && line.Length < MaxNameBytes ? (char)next
                : throw Malformed("a global whose name is no short line of text"));
        }
        return line.ToString();
    }

    private byte Byte() => input.Position < _limit ? (byte)input.ReadByte() : throw Ends();

    private byte[] Bytes(uint length)
    {
        if (length > _limit - input.Position)
        {
            throw Ends();
        }
        var bytes = new byte[length];
        input.ReadExactly(bytes);
        return bytes;
    }

    private ModelException Ends() => input.Length > _limit
        ? Refuse($"its pickle has more than {MaxBytes >> 20} MiB")
        : new($"{path}: ends inside its pickle: truncated or damaged. Fetch the file again.");

    private ModelException Malformed(string what) => new($"{path}: its pickle is malformed: {what}. Fetch the file again.");

    private ModelException Refuse(string what) =>
        new($"{path}: {what}. Only plain state dicts are read; nothing in a file is ever executed.");
}

using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using static TorchSharp.torch;

namespace LoraAspire.Evaluator.Asking;

/// <summary>A model, and the adapter beside it, loaded once for all that its probabilities tell.</summary>
internal sealed class LoadedModel : IDisposable
{
    private readonly Contestant _who;
    private readonly PromptFormat? _fallback;

    /// <param name="fallback">The prompt format of a folder that brings none.</param>
    public LoadedModel(Contestant who, Device device, PromptFormat? fallback)
    {
        (_who, _fallback, Tokenizer) = (who, fallback, HfTokenizer.Load(who.Folder));
        Network = LlamaModel.Load(who.Folder, device, CudaDevice.UsualType(device));
        try
        {
            if (who.Adapter is not null)
            {
                using var adapter = Adapter.Load(who.Adapter);
                Network.Attach(adapter);
            }
        }
        catch
        {
            Network.Dispose();
            throw;
        }
    }

    public HfTokenizer Tokenizer { get; }
    public LlamaModel Network { get; }

    public PromptFormat Format() =>
        (_who.Adapter is null ? null : PromptFormat.Of(_who.Adapter)) ?? ModelPrompt.Of(_who.Folder, _fallback).Format;

    public void Dispose() => Network.Dispose();
}

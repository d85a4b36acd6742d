using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using static TorchSharp.torch;

namespace LoraAspire.Evaluator.Asking;

/// <summary>A folder's model, loaded once for all that its probabilities tell.</summary>
/// <param name="fallback">The prompt format of a folder that brings none.</param>
internal sealed class LoadedModel(string folder, Device device, PromptFormat? fallback) : IDisposable
{
    public HfTokenizer Tokenizer { get; } = HfTokenizer.Load(folder);
    public LlamaModel Network { get; } = LlamaModel.Load(folder, device, CudaDevice.UsualType(device));

    public PromptFormat Format() => ModelPrompt.Of(folder, fallback).Format;

    public void Dispose() => Network.Dispose();
}

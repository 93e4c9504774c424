// One question on stdin, one answer on stdout, both JSON: what the JavaScript packages of x402 say.
import { readFileSync } from "node:fs";

import { toClientEvmSigner } from "@x402/evm";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { BatchSettlementEvmScheme } from "@x402/evm/batch-settlement/client";
import { UptoEvmScheme } from "@x402/evm/upto/client";
import * as offers from "@x402/extensions/offer-receipt";
import * as signIn from "@x402/extensions/sign-in-with-x";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { createPublicClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { baseSepolia } from "viem/chains";

const NETWORK = "eip155:84532";

function payer({ key, rpc }) {
  const account = privateKeyToAccount(key);
  if (!rpc) return account;
  return toClientEvmSigner(account, createPublicClient({ chain: baseSepolia, transport: http(rpc) }));
}

const operations = {
  async pay({ key, rpc, url, bodies }) {
    const signer = payer({ key, rpc });
    const client = new x402Client();
    for (const scheme of [ExactEvmScheme, UptoEvmScheme, BatchSettlementEvmScheme]) {
      client.register(NETWORK, new scheme(signer));
    }
    const paying = wrapFetchWithPayment(fetch, client);
    const answers = [];
    for (const body of bodies) {
      const answer = await paying(url, { method: "POST", body: JSON.stringify(body) });
      answers.push({
        status: answer.status,
        text: await answer.text(),
        settlement: answer.headers.get("payment-response"),
      });
    }
    return answers;
  },

  async checkOffers({ required, settlement }) {
    const signed = offers.extractOffersFromPaymentRequired(required);
    const checked = [];
    for (const offer of signed) {
      const verified =
        offer.format === "jws"
          ? await offers.verifyOfferSignatureJWS(offer)
          : await offers.verifyOfferSignatureEIP712(offer);
      const terms = offers.findAcceptsObjectFromSignedOffer(offer, required.accepts);
      checked.push({ signer: verified.signer ?? null, scheme: terms?.scheme ?? null });
    }
    const receipt = settlement.extensions["offer-receipt"].info.receipt;
    const verified =
      receipt.format === "jws"
        ? { payload: await offers.verifyReceiptSignatureJWS(receipt) }
        : await offers.verifyReceiptSignatureEIP712(receipt);
    return { checked, receipt: verified };
  },

  async issue({ key, url, input, payer: account }) {
    const signer = privateKeyToAccount(key);
    const issuer = offers.createEIP712OfferReceiptIssuer("did:pkh:eip155:1:" + signer.address, (p) =>
      signer.signTypedData(p),
    );
    const offer = await issuer.issueOffer(url, input);
    const receipt = await issuer.issueReceipt(url, account, input.network, undefined);
    return { offer, receipt };
  },

  async signIn({ key, extension }) {
    const chain = extension.supportedChains[0];
    const info = { ...extension.info, chainId: chain.chainId, type: chain.type };
    const payload = await signIn.createSIWxPayload(info, privateKeyToAccount(key), new URL(info.uri));
    return signIn.encodeSIWxHeader(payload);
  },

  async checkSignIn({ header, origin }) {
    const payload = signIn.parseSIWxHeader(header);
    const valid = await signIn.validateSIWxMessage(payload, new URL(origin));
    const verified = await signIn.verifySIWxSignature(payload);
    return { valid, verified };
  },
};

const { op, ...input } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(await operations[op](input)));
